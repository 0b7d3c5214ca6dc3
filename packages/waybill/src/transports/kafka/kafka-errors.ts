// Kafka's error codes that are told apart here, and how failures of the client become Waybill's.
// https://kafka.apache.org/protocol#protocol_error_codes
import type { ErrorCode } from '../../message/error-codes.ts'
import { asError } from '../../message/as-error.ts'
import { isWaybillError, WaybillError } from '../../message/errors.ts'

export const CODE = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  notCoordinator: 16,
  notEnoughReplicasAfterAppend: 20,
  unknownMemberId: 25,
  topicAlreadyExists: 36,
  duplicateSequence: 46,
  nonEmptyGroup: 68,
  unknownTopicId: 100,
  staleMemberEpoch: 113,
} as const

/** The same request may succeed a little later, perhaps with another broker. */
const PASSING: ReadonlySet<number> = new Set([
  // leader not available, not leader or follower, request timed out, broker not available, replica not available
  5, 6, 7, 8, 9,
  // network, coordinator loading, not available, not coordinator, not enough replicas (before and after append)
  13, 14, 15, 16, 19, 20,
  // rebalancing, not controller, storage, leader epoch fenced or not known yet, unknown topic id
  27, 41, 56, 74, 75, 100,
]) // prettier-ignore

export function isPassing(code: number): boolean {
  return PASSING.has(code)
}

/**
 * The answer of a leader or a coordinator about a topic that the cluster has: it hears of a new one a moment later than who made
 * it. Whether the topic has gone is for the metadata to say.
 */
export function whereTopicIsKnown(code: number): number {
  return code === CODE.unknownTopicOrPartition ? CODE.unknownTopicId : code
}

const REFUSED_ACCESS: ReadonlySet<number> = new Set([29, 30, 31, 53, 58, 62])

/** What a code of the broker means to the caller. */
export function brokerError(code: number, what: string, detail?: string | null): WaybillError {
  return new WaybillError(codeOf(code), `${what}: Kafka's error ${code}${detail ? ` (${detail})` : ''}`)
}

function codeOf(code: number): ErrorCode {
  if (REFUSED_ACCESS.has(code)) return 'WAYBILL_ACCESS_REFUSED'
  if (code === CODE.unknownTopicOrPartition || code === CODE.unknownTopicId) return 'WAYBILL_NOT_FOUND'
  if (code === CODE.messageTooLarge) return 'WAYBILL_TOO_LARGE'
  if (code === CODE.offsetOutOfRange) return 'WAYBILL_POSITION_GONE'
  if (code === 35) return 'WAYBILL_UNSUPPORTED'
  return isPassing(code) ? 'WAYBILL_NOT_CONNECTED' : 'WAYBILL_REFUSED'
}

/** A failure of the client's connection. */
export function linkError(reason: unknown, where: string): WaybillError {
  if (isWaybillError(reason)) return reason
  const cause = asError(reason)
  for (let each: unknown = cause; each instanceof Error; each = each.cause)
    if ('code' in each && each.code === 'PLT_KFK_AUTHENTICATION')
      return new WaybillError('WAYBILL_ACCESS_REFUSED', `${where} refused the login`, { cause })
  const root = rootOf(cause)
  return new WaybillError('WAYBILL_NOT_CONNECTED', `${where}: ${root.message}`, { cause })
}

function rootOf(error: Error): Error {
  let root = error
  while (root.cause instanceof Error) root = root.cause
  return root
}
