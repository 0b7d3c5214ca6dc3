import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CertificateAuthority, type Issued } from './certificate-authority.ts'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { ServerProcess } from './server-process.ts'

/** A node starts in about five seconds; on a busy machine it may take many times that. */
const START_DEADLINE_MS = 120_000

/**
 * How long a quorum queue waits for the confirm of a dead letter before it hands it on once more. RabbitMQ has three
 * minutes; after a crash, a queue that hands on before the next one has its leader back waits so long.
 */
const HAND_ON_AGAIN_MS = 3_000

export interface RabbitmqServerOptions {
  /** For AMQP. Default: a free one. */
  readonly port?: number | undefined
  /** Listens for `amqps:` too, with a certificate for localhost and 127.0.0.1 (needs OpenSSL 3). */
  readonly tls?: boolean
  /** With the plugin rabbitmq_management, which comes with RabbitMQ. */
  readonly management?: boolean
}

interface Ports {
  readonly amqp: number
  readonly amqps: number
  readonly management: number
  readonly distribution: number
  readonly epmd: number
}

interface Tls {
  readonly authority: CertificateAuthority
  readonly server: Issued
  /** Whether a client must present a certificate of the authority. */
  readonly clients: 'anonymous' | 'certified'
}

/**
 * A RabbitMQ node of our own, for tests: the installed program on free ports of 127.0.0.1, with its data in a temporary
 * folder, its own node name, and an epmd of its own, so that it never meets another node of the machine.
 */
export class RabbitmqServer {
  readonly #program: string
  readonly #folder: string
  readonly #ports: Ports
  readonly #env: NodeJS.ProcessEnv
  readonly #hasManagement: boolean
  #epmd: ServerProcess | undefined
  #node: ServerProcess | undefined
  #tls: Tls | undefined

  private constructor(program: string, folder: string, ports: Ports, hasManagement: boolean) {
    this.#hasManagement = hasManagement
    this.#program = program
    this.#folder = folder
    this.#ports = ports
    this.#env = nodeEnvironment(folder, ports)
  }

  /** The program, or `undefined` where RabbitMQ is not installed. */
  static findProgram(): string | undefined {
    // Debian's programs on the PATH change to another user first, who could not read our folder.
    return findProgram('rabbitmq-server', ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin'])
  }

  /** Resolves when the node takes connections. Rejects with what the node said when it does not start. */
  static async start({ port, tls = false, management = false }: RabbitmqServerOptions = {}): Promise<RabbitmqServer> {
    const program = RabbitmqServer.findProgram()
    if (program === undefined) throw new Error('rabbitmq-server is not installed')
    const folder = await mkdtemp(join(tmpdir(), 'waybill-rabbitmq-'))
    const ports = {
      amqp: port ?? (await freePort()),
      amqps: await freePort(),
      management: await freePort(),
      distribution: await freePort(),
      epmd: await freePort(),
    }
    const server = new RabbitmqServer(program, folder, ports, management)
    try {
      await mkdir(join(folder, 'log'))
      await writeFile(join(folder, 'env.conf'), '')
      await writeFile(join(folder, 'advanced.config'), ADVANCED)
      await writeFile(join(folder, 'enabled_plugins'), management ? '[rabbitmq_management].\n' : '[].\n')
      if (tls) {
        const authority = await CertificateAuthority.create(folder, 'authority')
        const hosts = ['DNS:localhost', 'IP:127.0.0.1']
        server.#tls = { authority, server: await authority.forServer('server', hosts), clients: 'anonymous' }
      }
      await server.restart()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get port(): number {
    return this.#ports.amqp
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`
  }

  /** @throws {TypeError} when it was not started with `management` */
  get managementUrl(): string {
    if (!this.#hasManagement) throw new TypeError('the node was not started with management')
    return `http://127.0.0.1:${this.#ports.management}`
  }

  /** @throws {TypeError} when it was not started with `tls` */
  get tlsUrl(): string {
    return `amqps://guest:guest@127.0.0.1:${this.#requireTls().port}`
  }

  /** Who signed the server's certificate, and may sign a client's. */
  get authority(): CertificateAuthority {
    return this.#requireTls().authority
  }

  /** From the next `restart()` on, a client over TLS must present a certificate of the authority. */
  certifiedClientsOnly(): void {
    this.#tls = { ...this.#requireTls(), clients: 'certified' }
  }

  /** Starts the node on its data, after `kill()` or `shutDown()`. */
  async restart(): Promise<void> {
    if (this.#node?.isRunning === true) throw new TypeError('the node runs')
    await writeFile(join(this.#folder, 'rabbitmq.conf'), configuration(this.#ports, this.#tls))
    this.#epmd ??= new ServerProcess(
      'epmd',
      ['-port', String(this.#ports.epmd), '-address', '127.0.0.1'],
      this.#env,
      this.#folder,
    )
    this.#node = new ServerProcess(this.#program, [], this.#env, this.#folder)
    await this.#node.says(/completed with \d+ plugins/, START_DEADLINE_MS)
  }

  /**
   * `kill -9`: the node has no time for anything. RabbitMQ 3.10 writes the names of quorum queues to disk half a second
   * late: one that was declared just before comes back without a leader, and hangs whoever uses it.
   */
  async kill(): Promise<void> {
    await this.#node?.end('SIGKILL')
  }

  /** Lets the node end properly, as for an upgrade; its clients are told. */
  async shutDown(): Promise<void> {
    await this.#node?.end('SIGTERM')
  }

  /** Raises the node's memory alarm, so that it holds publishers back, or ends it. */
  async block(blocked: boolean): Promise<void> {
    const limit = blocked ? '0.0000001' : '0.6'
    await this.#control(['set_vm_memory_high_watermark', limit], /Setting memory threshold/)
  }

  /**
   * Quorum queues forget their consumers, and neither these nor their channels are told: as a queue may that a partition
   * or a bug has parted from them.
   */
  async dropConsumers(queues: readonly string[]): Promise<void> {
    const names = queues.map((name) => `<<"${name}">>`).join(', ')
    const code = `[begin
      {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, Name)),
      Forget = rabbit_fifo:make_checkout({element(2, Each), element(1, Each)}, cancel, #{}),
      {ok, _, _} = ra:process_command(amqqueue:get_pid(Queue), Forget)
    end || Name <- [${names}], Each <- rabbit_amqqueue:consumers(element(2, rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, Name))))], dropped.`
    await this.#control(['eval', code], /dropped/)
  }

  /** Ends everything, and removes the folder. */
  async stop(): Promise<void> {
    await this.#node?.end('SIGKILL')
    await this.#epmd?.end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #control(args: readonly string[], done: RegExp): Promise<void> {
    const program = join(dirname(this.#program), 'rabbitmqctl')
    const control = new ServerProcess(program, args, this.#env, this.#folder)
    await control.says(done, START_DEADLINE_MS)
    await control.exited
  }

  #requireTls(): Tls & { readonly port: number } {
    if (this.#tls === undefined) throw new TypeError('the node was not started with tls')
    return { ...this.#tls, port: this.#ports.amqps }
  }
}

/** @see https://www.rabbitmq.com/docs/ssl#enabling-tls */
function configuration(ports: Ports, tls: Tls | undefined): string {
  const lines = [
    `listeners.tcp.local = 127.0.0.1:${ports.amqp}`,
    // Only read with the plugin.
    `management.tcp.ip = 127.0.0.1`,
    `management.tcp.port = ${ports.management}`,
  ]
  if (tls !== undefined)
    lines.push(
      `listeners.ssl.local = 127.0.0.1:${ports.amqps}`,
      `ssl_options.cacertfile = ${tls.authority.certificateFile}`,
      `ssl_options.certfile = ${tls.server.certificateFile}`,
      `ssl_options.keyfile = ${tls.server.keyFile}`,
      `ssl_options.verify = ${tls.clients === 'certified' ? 'verify_peer' : 'verify_none'}`,
      `ssl_options.fail_if_no_peer_cert = ${tls.clients === 'certified'}`,
    )
  return `${lines.join('\n')}\n`
}

const ADVANCED = `[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, ${HAND_ON_AGAIN_MS}}]}].\n`

function nodeEnvironment(folder: string, ports: Ports): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    // The cookie is made in the home folder.
    HOME: folder,
    // The script then becomes the node, instead of a shell that waits for it: signals reach the node itself.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_NODENAME: `waybill-${ports.amqp}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  }
}
