import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, type Issued } from './certificate-authority.ts'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { OwnServer } from './own-server.ts'
import { ServerProcess } from './server-process.ts'

/** The server's own default is 1 MiB with headers; this leaves room for a body of that size. */
const MAX_PAYLOAD = 8 * 2 ** 20

export interface NatsServerOptions {
  /** Default: a free one. */
  readonly port?: number | undefined
  /** Takes connections by TLS alone, with a certificate for localhost and 127.0.0.1 (needs OpenSSL 3). */
  readonly tls?: boolean
  /** Lines for its configuration, for instance an `authorization` block. */
  readonly configuration?: string
  /** Default 8 MiB. */
  readonly maxPayload?: number
  /** Default true. */
  readonly jetStream?: boolean
}

interface Tls {
  readonly authority: CertificateAuthority
  readonly server: Issued
}

/**
 * A nats-server of our own, for tests: the installed program with JetStream on a free port of 127.0.0.1, with its data in
 * a temporary folder.
 */
export class NatsServer extends OwnServer {
  readonly port: number
  readonly #program: string
  readonly #options: NatsServerOptions
  #tls: Tls | undefined
  protected readonly ready: RegExp = /Server is ready/

  private constructor(program: string, folder: string, port: number, options: NatsServerOptions) {
    super(folder)
    this.#program = program
    this.port = port
    this.#options = options
  }

  /** The program, or `undefined` where it is not installed. */
  static findProgram(): string | undefined {
    return findProgram('nats-server', ['/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin'])
  }

  /** Resolves when it takes connections. Rejects with what it said when it does not start. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const program = NatsServer.findProgram()
    if (program === undefined) throw new Error('nats-server is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'waybill-nats-'))
    const server = new NatsServer(program, folder, options.port ?? (await freePort()), options)
    return await server.begin(async () => {
      if (options.tls !== true) return
      const authority = await CertificateAuthority.create(folder, 'authority')
      server.#tls = { authority, server: await authority.forServer('server', ['DNS:localhost', 'IP:127.0.0.1']) }
    })
  }

  /** `nats://…`; `tls://…` when it was started with `tls`. */
  get url(): string {
    return `${this.#tls === undefined ? 'nats' : 'tls'}://127.0.0.1:${this.port}`
  }

  /**
   * Who signed the server's certificate.
   *
   * @throws {TypeError} when it was not started with `tls`
   */
  get authority(): CertificateAuthority {
    if (this.#tls === undefined) throw new TypeError('the server was not started with tls')
    return this.#tls.authority
  }

  protected async launch(): Promise<ServerProcess> {
    const file = join(this.folder, 'server.conf')
    await writeFile(file, this.#configuration())
    return new ServerProcess(this.#program, ['-c', file], process.env, this.folder)
  }

  /** @see https://docs.nats.io/running-a-nats-service/configuration */
  #configuration(): string {
    const lines = [`listen: "127.0.0.1:${this.port}"`, `max_payload: ${this.#options.maxPayload ?? MAX_PAYLOAD}`]
    if (this.#options.jetStream !== false)
      lines.push(`jetstream { store_dir: ${JSON.stringify(join(this.folder, 'data'))} }`)
    if (this.#tls !== undefined) {
      const { certificateFile, keyFile } = this.#tls.server
      lines.push(`tls { cert_file: ${JSON.stringify(certificateFile)}, key_file: ${JSON.stringify(keyFile)} }`)
    }
    return `${lines.join('\n')}\n${this.#options.configuration ?? ''}\n`
  }
}
