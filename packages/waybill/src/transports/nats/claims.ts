import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group } from '../../transport/transport.ts'
import { isOrdered, type Names } from './names.ts'
import type { Wire } from './wire.ts'

/** What must be so for all services: whoever comes first lays it down, over processes and machines. */
export class Claims {
  readonly #wire: () => Wire
  readonly #names: Names

  constructor(wire: () => Wire, names: Names) {
    this.#wire = wire
    this.#names = names
  }

  /** @throws {WaybillError} WAYBILL_TOPOLOGY_CONFLICT when it has another number of shards */
  async shards(channel: Channel): Promise<void> {
    const { value } = await (
      await this.#wire().registry()
    ).claim(this.#names.shardsKey(channel), String(channel.shards))
    if (value !== String(channel.shards))
      throw new WaybillError(
        'WAYBILL_TOPOLOGY_CONFLICT',
        `channel ${channel.name} has ${value} shards, and ${channel.shards} are declared`,
        { cure: `Declare ${value}; or, once it is empty, delete its streams and the key ${this.#names.shardsKey(channel)}.` }, // prettier-ignore
      )
  }

  /** @throws {WaybillError} WAYBILL_TOPOLOGY_CONFLICT when the group is ordered otherwise */
  async order(group: Group): Promise<void> {
    if (group.channel.kind !== 'events' || group.channel.foreign !== undefined) return
    const wanted = isOrdered(group) ? 'ordered' : 'unordered'
    const { value } = await (await this.#wire().registry()).claim(this.#names.orderKey(group), wanted)
    if (value !== wanted)
      throw new WaybillError(
        'WAYBILL_TOPOLOGY_CONFLICT',
        `group ${group.name} of channel ${group.channel.name} is ${value}, and is declared ${wanted}`,
        { cure: `Declare it ${value}; or, once it is empty, delete its consumers and the key ${this.#names.orderKey(group)}.` }, // prettier-ignore
      )
  }

  /** @throws {WaybillError} WAYBILL_COMMAND_CLAIMED when another service has claimed the channel */
  async owner(group: Group): Promise<void> {
    const { channel } = group
    if (!hasOneRecipient(channel.kind) || channel.foreign !== undefined) return
    const { value } = await (await this.#wire().registry()).claim(this.#names.ownerKey(channel), group.name)
    if (value !== group.name)
      throw new WaybillError(
        'WAYBILL_COMMAND_CLAIMED',
        `${group.name} claims the ${channel.kind} ${channel.name}, which ${value} has claimed`,
        { cure: `Let one service handle it; to release the claim, delete the key ${this.#names.ownerKey(channel)}.` },
      )
  }
}
