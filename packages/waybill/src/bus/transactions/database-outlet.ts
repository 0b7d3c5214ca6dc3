import type { AnyContracted } from '../../contract/contract.ts'
import { WaybillError } from '../../message/errors.ts'
import type { Outgoing, Transport } from '../../transport/transport.ts'
import type { Outlet } from '../sending/outlet.ts'

/** What is sent within a transaction of the database that is the engine: it needs neither an outbox nor a relay. */
export class DatabaseOutlet implements Outlet {
  readonly #transport: Transport
  readonly #tx: unknown

  constructor(transport: Transport, tx: unknown) {
    this.#transport = transport
    this.#tx = tx
  }

  async put(contracted: AnyContracted, outgoing: Outgoing, _timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { type, id } = outgoing.message
    if (signal?.aborted === true)
      throw new WaybillError('WAYBILL_ABORTED', `sending ${type} (id ${id}) was aborted`, { cause: signal.reason })
    if (contracted.sequence)
      throw new WaybillError('WAYBILL_NEEDS_TRANSACTION', `${type} is numbered, and the bus has no store to count in`)
    const [result] = (await this.#transport.sendWithin?.(this.#tx, [outgoing])) ?? []
    if (result !== undefined && result.outcome !== 'accepted') throw result.error
    if (result === undefined) throw new TypeError(`${this.#transport.name} cannot send within a transaction`)
  }
}
