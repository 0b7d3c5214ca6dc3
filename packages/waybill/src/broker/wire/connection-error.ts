/** Reply codes that end the whole connection (AMQP 0-9-1, section 1.3: constants of the class hard-error). */
export type ConnectionReplyCode = keyof typeof NAMES

const NAMES = {
  320: 'CONNECTION_FORCED',
  402: 'INVALID_PATH',
  403: 'ACCESS_REFUSED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  506: 'RESOURCE_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
} as const

/** The peer broke the protocol, or asked for what no connection is given: the connection is closed with this. */
export class ConnectionError extends Error {
  readonly replyCode: ConnectionReplyCode
  readonly replyText: string
  /** The method that was refused, 0 for a frame that is none. */
  readonly method: number

  constructor(replyCode: ConnectionReplyCode, what: string, method = 0) {
    super(`${NAMES[replyCode]} - ${what}`)
    this.name = 'ConnectionError'
    this.replyCode = replyCode
    this.replyText = this.message
    this.method = method
  }
}
