import { WaybillError } from '../../message/errors.ts'
import { hasOneRecipient, type Channel } from '../../transport/channel.ts'
import type { Group, StartPosition } from '../../transport/transport.ts'
import { createGroupInThePast, finishCopy } from './group-start.ts'
import { channelKey, hasOneGroup, isLogged, isOrdered } from './names.ts'
import { statementError } from './postgres-errors.ts'
import type { Statements } from './sql/statements.ts'
import type { Wire } from './wire.ts'

interface ChannelRow {
  readonly id: number
  readonly kind: string
  readonly shards: number
  readonly retention_ms: string | null
}

interface GroupRow {
  readonly id: number
  readonly name: string
  readonly ordered: boolean
  readonly types: readonly string[] | null
  readonly copy_to: string | null
}

/** Makes the rows of channels and groups exist, and finds those that are there to be what they should. */
export class Declarer {
  readonly #wire: () => Wire
  readonly #sql: Statements
  /** Channels whose messages are kept, by key: until they are declared, nobody would keep them. */
  readonly #kept = new Set<string>()

  constructor(wire: () => Wire, sql: Statements) {
    this.#wire = wire
    this.#sql = sql
  }

  /** Whether messages can be sent to it without a word to the server before. */
  isReady(channel: Channel): boolean {
    return channel.foreign === undefined && (channel.retentionMs === undefined || this.#kept.has(channelKey(channel)))
  }

  async ready(channel: Channel): Promise<void> {
    refuseForeign(channel)
    if (!this.isReady(channel)) await this.channel(channel)
  }

  /**
   * The channel's id.
   *
   * @throws {WaybillError} WAYBILL_TOPOLOGY_CONFLICT when it has another layout
   */
  async channel(channel: Channel): Promise<number> {
    refuseForeign(channel)
    const { kind, shards, retentionMs } = channel
    return await this.#answered(`channel ${channel.name}`, async () => {
      const key = channelKey(channel)
      let row = await this.#channelRow(key)
      if (row === undefined) {
        await this.#run(this.#sql.addChannel, [key, kind, shards, retentionMs ?? null])
        row = (await this.#channelRow(key)) as ChannelRow // it is there, whoever made it
      }
      if (row.kind !== kind) throw conflict(`channel ${channel.name} is of ${row.kind}, not of ${kind}`)
      if (row.shards !== shards) throw conflict(`channel ${channel.name} has ${row.shards} shards, not ${shards}`)
      if (retentionMs !== undefined) {
        if (Number(row.retention_ms ?? 0) < retentionMs) await this.#run(this.#sql.keepLonger, [row.id, retentionMs])
        this.#kept.add(key)
      }
      if (hasOneGroup(channel)) await this.#keepPlace(channel, row.id)
      return row.id
    })
  }

  /**
   * The group's id; a new one begins at `start`, when it resolves.
   *
   * @throws {WaybillError} WAYBILL_COMMAND_CLAIMED, WAYBILL_TOPOLOGY_CONFLICT, WAYBILL_POSITION_GONE
   */
  async group(group: Group, start: StartPosition = 'now'): Promise<number> {
    const { channel } = group
    const channelId = await this.channel(channel)
    return await this.#answered(`group ${group.name} of channel ${channel.name}`, async () => {
      const row = (await this.#groupRow(channelId, group)) ?? (await this.#newGroup(channelId, group, start))
      if (hasOneRecipient(channel.kind) && row.name !== group.name)
        throw new WaybillError(
          'WAYBILL_COMMAND_CLAIMED',
          `${channel.kind} ${channel.name} belongs to ${row.name}; ${group.name} claims it, too`,
        )
      if (row.ordered !== isOrdered(group))
        throw conflict(
          `group ${group.name} of channel ${channel.name} is ${row.ordered ? 'ordered' : 'not ordered'}, and is declared otherwise`,
        )
      if (!hasOneGroup(channel)) await this.#run(this.#sql.addTypes, [row.id, group.types ?? null])
      if (row.ordered) await this.#run(this.#sql.addShards, [row.id, channel.shards])
      if (row.copy_to !== null) await finishCopy(this.#wire(), this.#sql, row.id)
      return row.id
    })
  }

  /** Whether the channel keeps its messages, by whoever's word. */
  async keeps(channel: Channel): Promise<boolean> {
    return (await this.#channelRow(channelKey(channel)))?.retention_ms != null
  }

  /** The group's id; `undefined` while nobody has declared it. */
  async find(group: Group): Promise<number | undefined> {
    const channel = await this.#channelRow(channelKey(group.channel))
    return channel === undefined ? undefined : (await this.#rowOf(channel.id, group.name))?.id
  }

  async #newGroup(channelId: number, group: Group, start: StartPosition): Promise<GroupRow> {
    if (start !== 'now' && group.channel.kind === 'events')
      await createGroupInThePast(this.#wire(), this.#sql, channelId, group, start)
    else {
      const { channel, name, types } = group
      const row = [channelId, name, isOrdered(group), hasOneGroup(channel), isLogged(channel), types ?? null]
      await this.#run(this.#sql.addGroup, row)
    }
    return (await this.#groupRow(channelId, group)) as GroupRow // it is there, whoever made it
  }

  /** Either side may declare a command, a query, a document or replies: messages wait for their owner. */
  async #keepPlace(channel: Channel, channelId: number): Promise<void> {
    const group: Group = { channel, name: '', ordered: channel.shards > 1 }
    if ((await this.#rowOf(channelId, '')) !== undefined) return
    await this.#run(this.#sql.addGroup, [channelId, '', isOrdered(group), true, isLogged(channel), null])
  }

  /** A place that was kept becomes the group's. */
  async #groupRow(channelId: number, group: Group): Promise<GroupRow | undefined> {
    const row = await this.#rowOf(channelId, group.name)
    if (row?.name !== '' || !hasOneRecipient(group.channel.kind) || group.name === '') return row
    await this.#run(this.#sql.claimGroup, [row.id, group.name, isOrdered(group)])
    return await this.#rowOf(channelId, group.name)
  }

  async #rowOf(channelId: number, name: string): Promise<GroupRow | undefined> {
    return (await this.#run<GroupRow>(this.#sql.group, [channelId, name]))[0]
  }

  async #channelRow(key: string): Promise<ChannelRow | undefined> {
    return (await this.#run<ChannelRow>(this.#sql.channel, [key]))[0]
  }

  #run<Row extends object>(...args: Parameters<Wire['control']['run']>): Promise<readonly Row[]> {
    return this.#wire().control.run<Row>(...args)
  }

  async #answered<T>(what: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use()
    } catch (error) {
      throw statementError(what, error)
    }
  }
}

function refuseForeign(channel: Channel): void {
  if (channel.foreign === undefined) return
  throw new WaybillError(
    'WAYBILL_UNSUPPORTED',
    `channel ${channel.name} is the table ${channel.foreign} of ordinary clients: PostgreSQL has no queue that they would share`,
  )
}

function conflict(what: string): WaybillError {
  return new WaybillError('WAYBILL_TOPOLOGY_CONFLICT', what)
}
