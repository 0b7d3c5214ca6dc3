// What `servers up` has started, a file for each, in a folder of this checkout alone.
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runs, type KnownProcess } from './processes.ts'

/** PostgreSQL, started by root, is another user, who must get through to its data. */
const PASSABLE = 0o711

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url))

export interface ServerRecord {
  readonly name: string
  /** '' while it starts. */
  readonly url: string
  readonly version: string
  /** Its keeper first; none where a container engine keeps it. */
  readonly processes: readonly KnownProcess[]
  /** The project of Docker Compose that holds it. */
  readonly composeProject?: string
}

export class ServerRecords {
  readonly folder: string

  /** @param folder default: one in the system's folder for temporary files */
  constructor(folder: string = process.env['WAYBILL_SERVERS_DIR'] ?? defaultFolder()) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    const user = process.getuid?.()
    if (user !== undefined && statSync(folder).uid !== user) throw new Error(`${folder} is somebody else's`)
    chmodSync(folder, PASSABLE)
  }

  file(name: string): string {
    return join(this.folder, `${name}.json`)
  }

  /** Where the keeper writes what goes wrong. */
  log(name: string): string {
    return join(this.folder, `${name}.log`)
  }

  /** `undefined` when nobody has started it. */
  read(name: string): ServerRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.file(name), 'utf8')) as ServerRecord
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Says that it is being started. @throws {Error} when somebody else has said so */
  claim(name: string, processes: readonly KnownProcess[]): void {
    writeFileSync(this.file(name), JSON.stringify({ name, url: '', version: '', processes }), { flag: 'wx' })
  }

  /** Where it has its data: made anew. */
  makeDataFolder(name: string): string {
    this.#removeData(name)
    mkdirSync(this.#dataFolder(name), { mode: PASSABLE })
    return this.#dataFolder(name)
  }

  write(record: ServerRecord): void {
    writeFileSync(this.file(record.name), `${JSON.stringify(record, undefined, 2)}\n`)
  }

  /** With its data. */
  remove(name: string): void {
    this.#removeData(name)
    rmSync(this.file(name), { force: true })
  }

  #dataFolder(name: string): string {
    return join(this.folder, `${name}.data`)
  }

  #removeData(name: string): void {
    rmSync(this.#dataFolder(name), { recursive: true, force: true, maxRetries: 10 })
  }
}

/** Whether the one who keeps it is still there: the server, then, ends with `down`. */
export function isKept({ processes: [keeper], composeProject }: ServerRecord): boolean {
  return composeProject !== undefined || (keeper !== undefined && runs(keeper))
}

function defaultFolder(): string {
  const hash = createHash('sha256').update(CHECKOUT).digest('hex').slice(0, 12)
  return join(tmpdir(), `waybill-servers-${process.getuid?.() ?? ''}-${hash}`)
}
