// Changing a message that lies dead, so that it can be handled: what was changed is written on it.
import { createHash } from 'node:crypto'
import type { AnyContracted, In } from '../contract/contract.ts'
import { decode } from '../contract/decode.ts'
import { encode } from '../contract/encode.ts'
import { checkedHeaders } from '../message/header-rules.ts'
import { RESERVED_HEADER_PREFIX, type Headers, type WireMessage } from '../message/wire-message.ts'
import { withEdit, type Hand } from './marks.ts'

/** What to make other. What is not given stays. */
export interface DeadLetterChange<M extends AnyContracted = AnyContracted> {
  /** By the contract, in its present version. */
  readonly body?: In<M>
  /** Instead of `body`: the bytes themselves. They must be valid by the contract, where there is one. */
  readonly bytes?: Uint8Array
  /** With `bytes`, where they are of another sort. */
  readonly contentType?: string
  /** The version of the schema that `bytes` are of, where it is another. */
  readonly schemaVersion?: number
  /** The sender's own headers: `undefined` takes one away. Waybill's are not to be changed. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly key?: string
}

/**
 * The message with the change and a record of it.
 *
 * @param contracted of the message's type; `undefined` where it is not known, and nothing can be checked
 * @throws {TypeError} for a change of nothing, `body` without a contract or with `bytes`, or a header that may not be set
 * @throws {WaybillError} `WAYBILL_INVALID_MESSAGE`, `WAYBILL_MALFORMED`, `WAYBILL_UNKNOWN_TYPE`: what no handler would get;
 *   `WAYBILL_TOO_LARGE` for headers
 */
export async function edited<M extends AnyContracted>(
  message: WireMessage,
  change: DeadLetterChange<M>,
  contracted: AnyContracted | undefined,
  hand: Hand,
): Promise<WireMessage> {
  const changed = { ...message, ...(await bodyPart(message, change, contracted)) }
  const headers = {
    ...changed,
    headers: changedHeaders(changed.headers, change.headers ?? {}),
    key: change.key ?? message.key,
  }
  const what = differences(message, headers)
  if (what.length === 0) throw new TypeError(`the edit of ${message.id} changes nothing`)
  const record = { ...hand, changed: what, bodyBefore: createHash('sha256').update(message.body).digest('hex') }
  return { ...headers, headers: withEdit(headers.headers, record) }
}

async function bodyPart<M extends AnyContracted>(
  message: WireMessage,
  { body, bytes, contentType, schemaVersion }: DeadLetterChange<M>,
  contracted: AnyContracted | undefined,
): Promise<Partial<WireMessage>> {
  if (body !== undefined) {
    if (bytes !== undefined) throw new TypeError('an edit takes `body` or `bytes`, not both')
    if (contracted === undefined)
      throw new TypeError(`there is no contract for ${message.type}: edit its \`bytes\`, or name the contract`)
    const encoded = await encode(contracted, body, message.headers)
    return { ...encoded, schemaVersion: contracted.version }
  }
  if (bytes === undefined && contentType === undefined && schemaVersion === undefined) return {}
  const part = {
    body: bytes ?? message.body,
    contentType: contentType ?? message.contentType,
    schemaVersion: schemaVersion ?? message.schemaVersion,
  }
  // What its handler could not read either is no cure.
  if (contracted !== undefined) await decode(contracted, { ...message, ...part })
  return part
}

function changedHeaders(before: Headers, changes: Readonly<Record<string, string | undefined>>): Headers {
  const [own, waybills]: [Record<string, string>, Record<string, string>] = [{}, {}]
  for (const [name, value] of Object.entries(before))
    (name.startsWith(RESERVED_HEADER_PREFIX) ? waybills : own)[name] = value
  const set = Object.entries(changes).filter((each): each is [string, string] => each[1] !== undefined)
  const names = new Set(Object.keys(changes))
  // An ordinary client's headers that stay are not ours to judge.
  const stay = Object.entries(own).filter(([name]) => !names.has(name))
  for (const name of names) if (changes[name] === undefined) checkedHeaders({ [name]: '' })
  return { ...Object.fromEntries(stay), ...checkedHeaders(Object.fromEntries(set)), ...waybills }
}

function differences(before: WireMessage, after: WireMessage): readonly string[] {
  const what: string[] = []
  if (!Buffer.from(before.body).equals(after.body)) what.push('body')
  for (const name of ['contentType', 'schemaVersion', 'key'] as const) if (before[name] !== after[name]) what.push(name)
  for (const name of new Set([...Object.keys(before.headers), ...Object.keys(after.headers)]))
    if (before.headers[name] !== after.headers[name]) what.push(`headers.${name}`)
  return what
}
