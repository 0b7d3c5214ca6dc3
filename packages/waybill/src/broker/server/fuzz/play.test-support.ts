// Plays a conversation to a broker on virtual time, without a network, and says what went wrong.
import { ownIdentity } from '../../access/identity.ts'
import type { Socket } from 'node:net'
import { virtualRuntime, type VirtualRuntime } from '../../../runtime/virtual-runtime.ts'
import { Broker } from '../../broker.ts'
import { SERVER_LIMITS, type ServerLimits } from '../server-limits.ts'
import { serverProperties } from '../server-properties.ts'
import { SocketLink, type LinkServer } from '../socket-link.ts'
import { UnfinishedBodies } from '../unfinished-bodies.ts'
import type { Conversation, Step } from './conversation.test-support.ts'
import { SessionTap } from './session-tap.test-support.ts'
import { StallingLog } from './stalling-log.test-support.ts'
import { WireSocket } from './wire-socket.test-support.ts'
import { Witness } from './witness.test-support.ts'

export interface Verdict {
  /** Empty when all was well. */
  readonly violations: readonly string[]
  /** What the conversation brought the server to do. */
  readonly reached: ReadonlySet<string>
}

/** Transient messages beyond this hold publishers back, so that a short conversation comes to it. */
const MEMORY_HIGH_WATER_BYTES = 64 * 1024
/** What may wait for a client that does not read, with what one chunk may ask for. */
const MOST_UNREAD_OCTETS = 16 * 1024 * 1024
/** Small ones, so that a short conversation comes to them. */
const LIMITS: ServerLimits = { ...SERVER_LIMITS, consumersPerChannel: 8, unfinishedBytes: 256 * 1024 }
/** Names of queues that conversations use, besides those that were declared without no-wait. */
export const QUEUES: readonly string[] = ['q1', 'q2', 'q3', 'q4', 'dead']

interface Client {
  readonly socket: WireSocket
  readonly link: SocketLink
  readonly witness: Witness
  readonly tap: SessionTap
}

export async function play(conversation: Conversation): Promise<Verdict> {
  const stage = await Stage.open()
  for (const step of conversation) await stage.act(step)
  return stage.judge()
}

class Stage {
  readonly #runtime: VirtualRuntime
  readonly #log: StallingLog
  readonly #broker: Broker
  readonly #clients: (Client | undefined)[] = []
  readonly #all: Client[] = []
  readonly #violations: string[] = []
  readonly #server: LinkServer = {
    limits: LIMITS,
    hasRoom: true,
    unfinished: new UnfinishedBodies(LIMITS.unfinishedBytes),
    opened: () => {},
    ended: () => void this.#open--,
    trouble: (error) => void this.#violations.push(`trouble: ${error instanceof Error ? error.stack : String(error)}`),
  }
  #open = 0
  #hasFailed = false

  static async open(): Promise<Stage> {
    const runtime = virtualRuntime()
    const log = new StallingLog(runtime)
    const recovered = log.recovered(log, false)
    const broker = await Broker.open({ runtime, recovered, memoryHighWaterBytes: MEMORY_HIGH_WATER_BYTES })
    log.failed = (error) => broker.fail(error)
    return new Stage(runtime, log, broker)
  }

  private constructor(runtime: VirtualRuntime, log: StallingLog, broker: Broker) {
    this.#runtime = runtime
    this.#log = log
    this.#broker = broker
    broker.onEvent((event) => {
      for (const { link } of this.#all) {
        if (event.type === 'failed') link.close(`the broker's store failed`)
        else if (event.type === 'blocked') link.session.alarm(event)
        else if (event.type === 'unblocked') link.session.alarm(undefined)
      }
    })
  }

  async act(step: Step): Promise<void> {
    if (step.what === 'say') this.#client(step.client)?.socket.arrive(step.octets)
    else if (step.what === 'turn') await nextTurn()
    else if (step.what === 'wait') await this.#runtime.advance(Math.min(step.ms, 120_000))
    else if (step.what === 'stall') this.#log.isStalled = step.isStalled
    else if (step.what === 'fail') this.#fail()
    else this.#endOf(step)
    for (const { witness, link } of this.#all) {
      if (witness.phase === 'running') witness.frameMax = link.session.frameMax
      const unread = link.session.frames.length
      if (unread > MOST_UNREAD_OCTETS) witness.violations.push(`${unread} octets wait to be written`)
    }
  }

  async judge(): Promise<Verdict> {
    this.#log.isStalled = false
    for (const { socket } of this.#all) socket.isDeaf = false
    await this.#settle('before the end')
    for (const client of this.#all) this.#judgeConfirms(client)
    for (const { socket } of this.#all) socket.destroy()
    await this.#settle('after the end')
    await this.#runtime.advance(30_000)
    if (this.#open > 0) this.#violations.push(`${this.#open} connections are still there`)
    const { bytes } = this.#server.unfinished
    if (bytes !== 0) this.#violations.push(`${bytes} octets of messages are kept that nobody will finish`)
    if (!this.#hasFailed) await this.#judgeRest()
    const reached = new Set<string>()
    for (const { tap, witness } of this.#all) {
      for (const each of tap.reached) reached.add(each)
      for (const each of witness.closes) reached.add(each)
      this.#violations.push(...witness.violations)
    }
    return { violations: this.#violations, reached }
  }

  #client(number: number): Client | undefined {
    if (this.#clients[number] === undefined && !this.#hasFailed) this.#clients[number] = this.#connect()
    return this.#clients[number]
  }

  #connect(): Client {
    const witness = new Witness()
    const socket = new WireSocket((octets) => witness.heard(octets))
    this.#open++
    const link = new SocketLink(
      socket as unknown as Socket, // as much of one as a link uses
      {
        broker: this.#broker,
        runtime: this.#runtime,
        handshake: {
          serverProperties: serverProperties('0.0.0'),
          tune: { channelMax: 2_047, frameMax: 131_072, heartbeat: 60 },
          authenticate: ({ user, by }) =>
            user === 'guest' && by !== 'certificate' && by.password === 'guest'
              ? ownIdentity('guest', 'all')
              : undefined,
          remoteAddress: '127.0.0.1',
          certified: undefined,
        },
        id: this.#all.length + 1,
        server: this.#server,
      },
    )
    const tap = new SessionTap(link.session)
    if (this.#broker.blocked !== undefined) link.session.alarm(this.#broker.blocked)
    const client = { socket, link, witness, tap }
    this.#all.push(client)
    return client
  }

  #endOf(step: Extract<Step, { readonly client: number; readonly what: 'break' | 'end' | 'deafen' | 'say' }>): void {
    const client = this.#clients[step.client]
    if (step.what === 'deafen' && client !== undefined) client.socket.isDeaf = step.isDeaf
    if (step.what === 'end') client?.socket.push(null)
    if (step.what !== 'break') return
    client?.socket.destroy()
    // The next thing that this client says is said on a connection of its own.
    this.#clients[step.client] = undefined
  }

  #fail(): void {
    this.#hasFailed = true
    this.#log.fail()
  }

  async #settle(when: string): Promise<void> {
    try {
      await this.#runtime.settle(2_000)
    } catch (error) {
      this.#violations.push(`${when}: ${String(error)}`)
    }
  }

  #judgeConfirms({ tap, witness, link, socket }: Client): void {
    // What ends meanwhile leaves the outcome open.
    if (this.#hasFailed || socket.destroyed || socket.readableEnded || link.session.state === 'closing') return
    for (const [number, { confirms, published }] of tap.channels) {
      if (confirms && !witness.hasConfirmed(number, published))
        this.#violations.push(`channel ${number}: ${published} publishes, of which not each one was confirmed`)
    }
  }

  /** Nobody is connected any more: what is left of them? */
  async #judgeRest(): Promise<void> {
    const host = this.#broker.root
    for (const [name, queue] of host.queues) {
      if (queue.owner !== undefined) this.#violations.push(`exclusive queue ${name} is left`)
      if (queue.consumers > 0) this.#violations.push(`${queue.consumers} consumers of ${name} are left`)
      if (queue.unsettled > 0) this.#violations.push(`${queue.unsettled} unsettled messages of ${name} are left`)
    }
    if (host.directReplies.size > 0) this.#violations.push('a receiver of direct replies is left')
    await this.#judgeRestart()
    const connection = host.connect()
    for (const name of host.queues.keys()) host.deleteQueue(name, connection)
    connection.close()
    await this.#settle('after all queues were deleted')
    // Messages of exchanges that delay wait on one timer.
    if (this.#runtime.timers.length > 1) this.#violations.push(`${this.#runtime.timers.length} timers are left`)
  }

  /** What was stored must not keep the next process from opening, or bring it down. */
  async #judgeRestart(): Promise<void> {
    const runtime = virtualRuntime()
    try {
      const log = new StallingLog(runtime)
      const recovered = this.#log.recovered(log, true)
      const next = await Broker.open({ runtime, recovered })
      log.failed = (error) => next.fail(error)
      next.onEvent((event) => {
        if (event.type === 'failed') this.#violations.push(`the next process fails: ${event.error.message}`)
      })
      await runtime.settle(2_000)
      await runtime.advance(60_000)
      await next.close()
    } catch (error) {
      this.#violations.push(`the next process: ${String(error)}`)
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
