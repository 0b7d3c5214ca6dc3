import { resolve } from 'node:path'
import { readAnnouncement } from '../../broker/process/announcement-file.ts'
import { openingProgress } from '../../broker/process/opening-marker.ts'
import { tryLock } from '../../broker/store/folder-lock.ts'
import { nodeFiles } from '../../broker/store/node-files.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { BrokerAddress } from '../rabbitmq/broker-address.ts'
import { findBroker, type FinderHost } from './broker-finder.ts'
import { probe } from './probe.ts'
import { ShortLives } from './short-lives.ts'
import { SpawnedBroker } from './spawned-broker.ts'

/** Of a hundred services that miss their broker at once, the one that holds this starts it. */
const STARTER_LOCK = 'starter.db'

/** Finds the broker of a folder of this machine, which is made when it is missing, and the broker started. */
export class FolderBroker {
  readonly #dir: string
  readonly #idleMs: number
  readonly #runtime: Runtime
  readonly #lives: ShortLives

  constructor(dir: string, idleMs: number, runtime: Runtime) {
    this.#dir = resolve(dir)
    this.#idleMs = idleMs
    this.#runtime = runtime
    this.#lives = new ShortLives(runtime)
  }

  /** @throws {WaybillError} as `findBroker` */
  async addresses(signal: AbortSignal): Promise<readonly [BrokerAddress]> {
    // Makes the folder, and has its name on the disk before anything is confirmed in it.
    await nodeFiles(this.#dir)
    await this.#lives.pause()
    const { host, port, user, secret, pid, instance } = await findBroker(this.#host(), this.#runtime, signal)
    this.#lives.seen(instance)
    const text = `the broker of ${this.#dir} (process ${pid}, ${host}:${port})`
    return [{ text, protocol: 'amqp', hostname: host, port, username: user, password: secret, vhost: '/' }]
  }

  #host(): FinderHost {
    const dir = this.#dir
    return {
      dir,
      read: () => readAnnouncement(dir),
      probe: (announcement, signal) => probe(announcement, this.#runtime, signal),
      lock: () => tryLock(dir, STARTER_LOCK),
      start: () => new SpawnedBroker(dir, this.#idleMs),
      progress: () => openingProgress(dir),
    }
  }
}
