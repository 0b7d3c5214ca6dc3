/** What clients of one server may use, so that what a client does costs no more than its own connection. */
export interface ServerLimits {
  /** Connections that are open; another one is refused (530). Default 20,000. */
  readonly connections: number
  /** Connections that have begun and are not open; for another one the oldest has to go. Default 1,024. */
  readonly handshakes: number
  /** Of a connection: `channel-max`. Default 2,047, as RabbitMQ. */
  readonly channels: number
  /** Another one is refused (530). Default 10,000. */
  readonly consumersPerChannel: number
  /** Of a body; a larger one closes the channel (406). Default 128 MiB, as RabbitMQ 3. */
  readonly messageBytes: number
  /**
   * Of bodies in several frames that are not whole yet, of all connections together: beyond it the connection with the
   * most of them is closed (506). Default 512 MiB.
   */
  readonly unfinishedBytes: number
}

const MIB = 1024 * 1024

export const SERVER_LIMITS: ServerLimits = {
  connections: 20_000,
  handshakes: 1_024,
  channels: 2_047,
  consumersPerChannel: 10_000,
  messageBytes: 128 * MIB,
  unfinishedBytes: 512 * MIB,
}
