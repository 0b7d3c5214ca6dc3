import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { text, type Connection, type Reply } from './connection.ts'
import { isOrdered, shardsOf, type Names } from './names.ts'
import { startsOf } from './starts.ts'

/** Makes channels and groups exist: each is one script, which lays all of it down or nothing. */
export class Declarer {
  readonly #connection: () => Connection
  readonly #names: Names
  /** Channels that are in use here. */
  readonly #known = new Map<string, Channel>()

  constructor(connection: () => Connection, names: Names) {
    this.#connection = connection
    this.#names = names
  }

  get channels(): Iterable<Channel> {
    return this.#known.values()
  }

  /** What a sender of commands needs, so that they may be sent before their service has ever run. */
  async channel(channel: Channel): Promise<void> {
    if (channel.foreign !== undefined || channel.kind === 'signals') return
    const args = ['', shardsOf(channel)]
    check(await this.#connection().run('declareChannel', this.#names.base(channel), args), channel)
    this.uses(channel)
  }

  uses(channel: Channel): void {
    if (channel.foreign === undefined) this.#known.set(`${channel.kind} ${channel.name}`, channel)
  }

  /**
   * @param start of a group that is new
   * @throws {WaybillError} WAYBILL_COMMAND_CLAIMED, WAYBILL_TOPOLOGY_CONFLICT, WAYBILL_POSITION_GONE, WAYBILL_NOT_FOUND
   */
  async group(group: Group, start: StartPosition = 'now'): Promise<void> {
    const { channel, name } = group
    const shards = shardsOf(channel)
    // Whatever a channel with one recipient holds is for its one group.
    const from: StartPosition = channel.kind === 'events' || channel.kind === 'survey' ? start : 'earliest'
    const args = [
      name,
      shards,
      channel.foreign ?? '',
      hasOneRecipient(channel.kind) ? 1 : 0,
      isOrdered(group) ? 'ordered' : 'unordered',
      group.types === undefined || channel.kind !== 'events' ? '*' : JSON.stringify(group.types),
      ...startsOf(from, shards),
    ]
    check(await this.#connection().run('declareGroup', this.#names.base(channel), args), channel, group)
    this.uses(channel)
  }

  /** The ids behind which a reader without a group begins, by shard; the unnamed are not looked at. */
  async readFrom(
    channel: Channel,
    start: StartPosition,
    shards: readonly number[],
  ): Promise<ReadonlyMap<number, string>> {
    const all = startsOf(start, shardsOf(channel)).map((each, shard) => (shards.includes(shard) ? each : ''))
    const args = ['', shardsOf(channel), channel.foreign ?? '', ...all]
    const [, ...ids] = check(await this.#connection().run('readFrom', this.#names.base(channel), args), channel)
    return new Map(shards.map((shard) => [shard, text(ids[shard])]))
  }

  /** After a reconnect: the server may have been replaced. What groups need, they declare themselves. */
  async again(): Promise<void> {
    await Promise.all([...this.#known.values()].map((channel) => this.channel(channel)))
  }
}

function check(answer: readonly Reply[], channel: Channel, group?: Group): readonly Reply[] {
  const [outcome, one, two] = answer.map((each) => (Buffer.isBuffer(each) ? each.toString() : each))
  const is = (what: string, cure: string): WaybillError => new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', what, { cure })
  switch (outcome) {
    case 'SHARDS':
      throw is(
        `channel ${channel.name} has ${text(one)} shards, and ${channel.shards} are declared`,
        `Declare ${text(one)}; or, once it is empty, delete its keys.`,
      )
    case 'ORDER':
      throw is(
        `group ${group?.name} of channel ${channel.name} is ${text(one)}, and is declared otherwise`,
        `Declare it ${text(one)}; or, once it is empty, delete its keys.`,
      )
    case 'OWNER':
      throw new WaybillError(
        'WAYBILL_COMMAND_CLAIMED',
        `${group?.name} claims the ${channel.kind} ${channel.name}, which ${text(one)} has claimed`,
        { cure: 'Let one service handle it; to release the claim, delete the field `owner` of its key.' },
      )
    case 'GONE':
      throw new WaybillError('WAYBILL_POSITION_GONE', `stream ${text(one)} has no entry ${text(two)} to begin behind`)
    case 'MISSING':
      throw new WaybillError('WAYBILL_NOT_FOUND', `there is no stream ${text(one)}`)
    default:
      return answer
  }
}
