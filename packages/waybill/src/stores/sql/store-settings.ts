import { durationMs, type Duration } from '../../runtime/duration.ts'

/** What every store takes. */
export interface StoreOptions {
  /**
   * How long the inbox remembers what was handled; after it, a message that comes again is handled again. Longer than a
   * message may be on its way, with its retries and its time among the dead letters. Default `30d`.
   */
  readonly inboxRetention?: Duration
  /**
   * `false`: the tables are looked for, and never made; for services whose user of the database may not. `waybill store
   * migrate` makes them. Default `true`.
   */
  readonly migrate?: boolean
}

export interface StoreSettings {
  readonly inboxRetentionMs: number
  readonly migrate: boolean
}

/** @throws {TypeError} */
export function storeSettings({ inboxRetention = '30d', migrate = true }: StoreOptions): StoreSettings {
  const inboxRetentionMs = Math.ceil(durationMs(inboxRetention))
  if (inboxRetentionMs < 1_000)
    throw new TypeError(
      `inboxRetention is ${inboxRetentionMs} ms; an inbox that forgets within a second keeps nothing out`,
    )
  return { inboxRetentionMs, migrate }
}
