import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { OwnServer } from './own-server.ts'
import { ServerProcess } from './server-process.ts'

/** Programs that a shell does not always find. */
const FOLDERS = ['/usr/sbin', '/opt/homebrew/opt/mariadb/bin']

/**
 * A MariaDB of our own, for tests: the installed program on a port of 127.0.0.1, with its data in a temporary folder, and every
 * commit on the disk. `root` has no password.
 */
export class MariadbServer extends OwnServer {
  readonly port: number
  readonly #program: string
  protected readonly ready: RegExp = /ready for connections/

  private constructor(program: string, folder: string, port: number) {
    super(folder)
    this.#program = program
    this.port = port
  }

  /** The program, or `undefined` where MariaDB is not installed. */
  static findProgram(): string | undefined {
    return findProgram('mariadbd', FOLDERS)
  }

  /**
   * Resolves when it takes connections. Rejects with what it said when it does not start.
   *
   * @param options.port default: a free one
   */
  static async start({ port }: { readonly port?: number | undefined } = {}): Promise<MariadbServer> {
    const program = MariadbServer.findProgram()
    if (program === undefined) throw new Error('mariadb-server is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'waybill-mariadb-'))
    const server = new MariadbServer(program, folder, port ?? (await freePort()))
    return await server.begin(() => server.#makeTables())
  }

  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}`
  }

  protected launch(): ServerProcess {
    return this.#run(this.#program, [
      ...this.#common,
      `--port=${this.port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(this.folder, 'socket')}`,
      `--pid-file=${join(this.folder, 'pid')}`,
      '--skip-name-resolve',
      '--max-connect-errors=1000000',
      '--innodb-buffer-pool-size=64M',
    ])
  }

  /** MariaDB runs as root only when it is told to. */
  get #common(): readonly string[] {
    const user = process.getuid?.() === 0 ? ['--user=root'] : []
    return ['--no-defaults', `--datadir=${join(this.folder, 'data')}`, ...user]
  }

  async #makeTables(): Promise<void> {
    const installer = findProgram('mariadb-install-db', [dirname(this.#program), ...FOLDERS]) ?? 'mariadb-install-db'
    const args = [...this.#common, '--auth-root-authentication-method=normal', '--skip-test-db']
    const made = this.#run(installer, args)
    await made.exited
    if (made.exitCode !== 0) throw new Error(`${installer} made no database:\n${made.output}`)
  }

  #run(program: string, args: readonly string[]): ServerProcess {
    const env = { PATH: process.env['PATH'], HOME: this.folder, LC_ALL: 'C' }
    return new ServerProcess(program, args, env, this.folder, { isGroup: true })
  }
}
