// Rows of the outbox and of the schedule, from messages and back.
import { headOf, messageOf } from '../../message/stored-message.ts'
import { shardOf } from '../../message/shard.ts'
import { OUTBOX_LANES, type NewOutboxRow, type OutboxRow } from '../../store/store.ts'
import type { Channel } from '../../transport/channel.ts'
import type { ReturnAddress } from '../../transport/transport.ts'
import type { Row } from './executor.ts'

/** The columns of a row that is written to the outbox. */
export interface RowToSend {
  readonly lane: number
  /** A channel or a return address, as JSON. */
  readonly target: string
  readonly head: string
  readonly body: Uint8Array
}

/** The columns of a row that is written to the schedule. */
export interface RowToWait extends RowToSend {
  readonly due: number
  readonly id: string | null
  readonly every: number | null
}

/** Most targets that are remembered. */
const MOST_TARGETS = 1_000

export function laneOf({ key, id }: { readonly key: string | undefined; readonly id: string }): number {
  return shardOf(key ?? id, OUTBOX_LANES)
}

export function asText(value: unknown): string {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length).toString() : ''
}

/** An error or a note as it is kept: not longer than 2,000 UTF-16 units, and without NUL, which text in databases has not. */
export function textForPeople(text: string): string {
  return text.slice(0, 2_000).replaceAll('\0', '\u2400')
}

/** Targets are few, and there is one in each row: their texts are made, and read, once. */
export class RowCodec {
  readonly #texts = new WeakMap<Channel | ReturnAddress, string>()
  readonly #targets = new Map<string, Channel | ReturnAddress>()

  encode({ message, to }: Pick<NewOutboxRow, 'message' | 'to'>): RowToSend {
    let target = this.#texts.get(to)
    if (target === undefined) {
      target = JSON.stringify(to)
      this.#texts.set(to, target)
    }
    return { lane: laneOf(message), target, head: headOf(message), body: message.body }
  }

  /** Of columns `position`, `lane`, `target`, `head`, `body` and `attempts`. */
  decode(row: Row): OutboxRow {
    return {
      position: BigInt(row['position'] as bigint | number | string),
      lane: Number(row['lane']),
      message: messageOf({ head: asText(row['head']), body: row['body'] as Uint8Array }),
      to: this.targetOf(asText(row['target'])),
      attempts: Number(row['attempts']),
    }
  }

  targetOf(text: string): Channel | ReturnAddress {
    const known = this.#targets.get(text)
    if (known !== undefined) return known
    // What somebody else wrote leads nowhere: the broker refuses it, and it is put aside, instead of stopping those behind it.
    const target = parsed(text) ?? { kind: 'address', address: text }
    if (this.#targets.size >= MOST_TARGETS) this.#targets.clear()
    this.#targets.set(text, target)
    return target
  }
}

function parsed(text: string): Channel | ReturnAddress | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'kind' in value
      ? (value as Channel | ReturnAddress)
      : undefined
  } catch {
    // Not JSON, so none of ours.
    return undefined
  }
}
