import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, type Issued } from './certificate-authority.ts'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { OwnServer } from './own-server.ts'
import { ServerProcess } from './server-process.ts'

/** By the names of `redis.conf`; of several words, a list. */
export type RedisSettings = Readonly<Record<string, string | readonly string[]>>

/**
 * A Redis of our own, for tests: the installed program on a port of 127.0.0.1, with its data in a temporary folder. It
 * writes each command to its append-only file, and syncs it, before it answers.
 */
export class RedisServer extends OwnServer {
  readonly port: number
  readonly #program: string
  readonly #settings: RedisSettings
  #tls: { readonly authority: CertificateAuthority; readonly server: Issued } | undefined
  protected readonly ready: RegExp = /Ready to accept connections/

  private constructor(program: string, folder: string, port: number, settings: RedisSettings) {
    super(folder)
    this.#program = program
    this.#settings = settings
    this.port = port
  }

  /** The program, or `undefined` where Redis is not installed. */
  static findProgram(): string | undefined {
    return findProgram('redis-server', ['/opt/homebrew/opt/redis/bin'])
  }

  /**
   * Resolves when it takes connections. Rejects with what it said when it does not start.
   *
   * @param options.port default: a free one
   * @param options.settings of its configuration, beside and above those here
   * @param options.tls it speaks nothing else
   */
  static async start({
    port,
    settings = {},
    tls = false,
  }: {
    readonly port?: number | undefined
    readonly settings?: RedisSettings
    readonly tls?: boolean
  } = {}): Promise<RedisServer> {
    const program = RedisServer.findProgram()
    if (program === undefined) throw new Error('redis-server is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'waybill-redis-'))
    const server = new RedisServer(program, folder, port ?? (await freePort()), settings)
    return await server.begin(async () => {
      if (!tls) return
      const authority = await CertificateAuthority.create(folder, 'authority')
      server.#tls = { authority, server: await authority.forServer('server', ['DNS:localhost', 'IP:127.0.0.1']) }
    })
  }

  /** `redis://…`; `rediss://…` when it was started with `tls`. */
  get url(): string {
    return `${this.#tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${this.port}`
  }

  /**
   * Who vouches for it.
   *
   * @throws {TypeError} when it was not started with `tls`
   */
  get authority(): CertificateAuthority {
    if (this.#tls === undefined) throw new TypeError('the server was not started with tls')
    return this.#tls.authority
  }

  protected launch(): ServerProcess {
    const settings: RedisSettings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.folder,
      daemonize: 'no',
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      ...this.#tlsSettings(),
      ...this.#settings,
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value].flat())
    const env = { PATH: process.env['PATH'], HOME: this.folder }
    return new ServerProcess(this.#program, args, env, this.folder)
  }

  #tlsSettings(): RedisSettings {
    if (this.#tls === undefined) return {}
    const { authority, server } = this.#tls
    return {
      port: '0',
      'tls-port': String(this.port),
      'tls-cert-file': server.certificateFile,
      'tls-key-file': server.keyFile,
      'tls-ca-cert-file': authority.certificateFile,
      'tls-auth-clients': 'no',
    }
  }
}
