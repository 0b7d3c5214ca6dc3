import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { OwnServer } from './own-server.ts'
import { ServerProcess } from './server-process.ts'

/** What a killed server's processes may take to let go of its shared memory. */
const LETTING_GO_MS = 10_000
const LOOK_EVERY_MS = 50
const LET_GO_LATE = 'pre-existing shared memory block'

interface Account {
  readonly uid: number
  readonly gid: number
}

/**
 * A PostgreSQL of our own, for tests: the installed program on a port of 127.0.0.1, with its data in a temporary folder,
 * without a Unix socket, with `fsync` on. Everybody on this machine may log in as `postgres`.
 */
export class PostgresServer extends OwnServer {
  readonly port: number
  readonly #program: string
  readonly #account: Account | undefined
  protected readonly ready: RegExp = /database system is ready to accept connections/
  /** Clients are cut off. */
  protected override readonly goodbye = 'SIGINT'

  private constructor(program: string, folder: string, port: number, account: Account | undefined) {
    super(folder)
    this.#program = program
    this.port = port
    this.#account = account
  }

  /** The program, or `undefined` where PostgreSQL is not installed. Its other programs are beside it. */
  static findProgram(): string | undefined {
    return findProgram('postgres', [...debianFolders(), '/opt/homebrew/opt/postgresql/bin'])
  }

  /**
   * Resolves when it takes connections. Rejects with what it said when it does not start.
   *
   * @param options.port default: a free one
   */
  static async start({ port }: { readonly port?: number | undefined } = {}): Promise<PostgresServer> {
    const program = PostgresServer.findProgram()
    if (program === undefined) throw new Error('postgresql is not installed')
    const account = await servingAccount()
    const folder = await mkdtemp(join(tmpdir(), 'waybill-postgres-'))
    const server = new PostgresServer(program, folder, port ?? (await freePort()), account)
    return await server.begin(async () => {
      if (account !== undefined) await chown(folder, account.uid, account.gid)
      await server.#makeCluster()
    })
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`
  }

  override async restart(): Promise<void> {
    const runtime = systemRuntime()
    const until = runtime.monotonic() + LETTING_GO_MS
    for (;;) {
      try {
        return await super.restart()
      } catch (error) {
        if (!this.output.includes(LET_GO_LATE) || runtime.monotonic() > until) throw error
        await new Promise<void>((resolve) => void runtime.setTimer(LOOK_EVERY_MS, resolve))
      }
    }
  }

  protected launch(): ServerProcess {
    const args = ['-D', this.#data, '-h', '127.0.0.1', '-p', String(this.port), '-c', 'unix_socket_directories=']
    return this.#run(this.#program, args)
  }

  get #data(): string {
    return join(this.folder, 'data')
  }

  async #makeCluster(): Promise<void> {
    const initdb = join(dirname(this.#program), 'initdb')
    const args = ['-D', this.#data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    const made = this.#run(initdb, args)
    await made.exited
    if (made.exitCode !== 0) throw new Error(`${initdb} made no database:\n${made.output}`)
  }

  #run(program: string, args: readonly string[]): ServerProcess {
    const env = { PATH: process.env['PATH'], HOME: this.folder, LC_ALL: 'C' }
    return new ServerProcess(program, args, env, this.folder, { user: this.#account, isGroup: true })
  }
}

/** Debian keeps a folder for each version; the newest first. */
function debianFolders(): readonly string[] {
  const all = '/usr/lib/postgresql'
  if (!existsSync(all)) return []
  const versions = readdirSync(all).toSorted((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(all, version, 'bin'))
}

/** PostgreSQL refuses to run as root: the account that came with it does. */
async function servingAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((each) => each.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL does not run as root, nor is there a postgres')
  return { uid: Number(uid), gid: Number(gid) }
}
