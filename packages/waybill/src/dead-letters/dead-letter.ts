import type { AnyContracted, Out } from '../contract/contract.ts'
import { decode } from '../contract/decode.ts'
import { WaybillError } from '../message/errors.ts'
import { FAILURE_HEADERS, readFailures, type DeadLetterReason, type FailureRecord } from '../message/failure.ts'
import type { MessageKind } from '../message/kind.ts'
import { RESERVED_HEADER_PREFIX, type Headers, type WireMessage } from '../message/wire-message.ts'
import { readEdits, readParked, readRedriven, type EditRecord, type ParkedMark, type RedriveRecords } from './marks.ts'

/** A message that its group could not handle, as it lies there. */
export interface DeadLetter<M extends AnyContracted = AnyContracted> {
  /** The message's own id; `''` when an ordinary client gave none. */
  readonly id: string
  readonly type: string
  readonly kind: MessageKind
  readonly key: string | undefined
  /** When it was made. */
  readonly time: Date
  /** The version of the body's schema. */
  readonly schemaVersion: number
  readonly contentType: string
  /** The try that failed last. */
  readonly attempt: number
  /** Why it is here; `undefined` when nothing on it says so. */
  readonly reason: DeadLetterReason | undefined
  /** One sentence: the last error's message, or the handler's own reason. */
  readonly detail: string
  /** When it died, by the clock of who put it here. */
  readonly diedAt: Date | undefined
  /** Every failed try that is remembered, oldest first. */
  readonly failures: readonly FailureRecord[]
  readonly edits: readonly EditRecord[]
  readonly redriven: RedriveRecords
  /** Put aside by an operator: `redrive` passes it over. */
  readonly parked: ParkedMark | undefined
  /** The sender's own headers. */
  readonly headers: Headers
  /** The body, whatever it is. */
  readonly bytes: Uint8Array
  /** All of it, Waybill's headers included. */
  readonly message: WireMessage
  /**
   * The body by the contract: read, lifted from an older version, and valid.
   *
   * @throws {WaybillError} `WAYBILL_UNKNOWN_TYPE`, `WAYBILL_MALFORMED`, `WAYBILL_INVALID_MESSAGE`: as its handler would
   *   have met it; `WAYBILL_UNKNOWN_TYPE` too where no contract was given
   */
  body(): Promise<Out<M>>
}

/** @param bodyOf reads a body by its contract */
export function asDeadLetter<M extends AnyContracted>(
  message: WireMessage,
  bodyOf: (message: WireMessage) => Promise<Out<M>>,
): DeadLetter<M> {
  const { id, type, kind, key, schemaVersion, contentType, attempt, headers, body } = message
  const diedAt = Number(headers[FAILURE_HEADERS.at])
  return {
    id,
    type,
    kind,
    key,
    time: new Date(message.time),
    schemaVersion,
    contentType,
    attempt,
    reason: headers[FAILURE_HEADERS.reason] as DeadLetterReason | undefined, // Waybill's own header
    detail: headers[FAILURE_HEADERS.detail] ?? '',
    diedAt: Number.isFinite(diedAt) ? new Date(diedAt) : undefined,
    failures: readFailures(headers),
    edits: readEdits(headers),
    redriven: readRedriven(headers),
    parked: readParked(headers),
    headers: ownHeaders(headers),
    bytes: body,
    message,
    body: () => bodyOf(message),
  }
}

/** How to read the bodies of letters by these contracts. */
export function bodiesBy<M extends AnyContracted>(
  contracts: readonly AnyContracted[],
): (message: WireMessage) => Promise<Out<M>> {
  const byType = new Map(contracts.map((each) => [each.type, each]))
  const [only] = contracts
  return async (message) => {
    // Of another type, or without one: the contract itself says what is wrong with it.
    const contracted = byType.get(message.type) ?? only
    if (contracted === undefined) throw noContract(message)
    return await decode(contracted, message) // valid by its schema
  }
}

function noContract({ type }: WireMessage): WaybillError {
  return new WaybillError(
    'WAYBILL_UNKNOWN_TYPE',
    `no contract was given for ${type === '' ? 'a message without type' : type}`,
    {
      cure: 'Read `bytes`, or name the contract where the dead letters are asked for.',
    },
  )
}

function ownHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(RESERVED_HEADER_PREFIX)))
}
