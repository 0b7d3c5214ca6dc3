import type { Headers } from '../message/wire-message.ts'

/** A message of an ordinary client, as it stands on the wire. */
export interface ForeignMessage {
  readonly body: Uint8Array
  /** `''` when the client gave none. */
  readonly contentType: string
  /** What the client called it: AMQP's `type`, for instance. `''` when it gave none. */
  readonly type: string
  /** `''` when the client gave none. */
  readonly id: string
  readonly headers: Headers
}

/** What a foreign message says of itself; what is absent is filled in. */
export interface ForeignIdentity {
  readonly id?: string
  readonly key?: string
  readonly correlationId?: string
  /** Milliseconds since the epoch. */
  readonly time?: number
  readonly headers?: Headers
}

/** What is written for an ordinary client. */
export interface ForeignOutput {
  readonly body: Uint8Array
  readonly contentType?: string
  readonly headers?: Headers
}

/** A mapping with its types erased, as `Contracted` carries it. */
export interface ForeignMapping {
  readonly identify: (raw: ForeignMessage) => ForeignIdentity
  readonly receive: (raw: ForeignMessage) => unknown
  readonly send: (body: unknown, headers: Headers) => ForeignOutput
}
