import type { ExchangeCounters } from '../../exchange/exchange-counters.ts'
import type { MessageCounters } from '../../message-counters.ts'
import type { Json, JsonObject } from '../../wire/json.ts'
import type { Counts, Rates } from '../rates.ts'

/** By the names of RabbitMQ. */
export function queueCounts(counters: MessageCounters): Counts {
  const { published, acked, redelivered, delivered, deliveredNoAck, got, gotNoAck, gotNothing } = counters
  return {
    publish: published,
    deliver: delivered,
    deliver_no_ack: deliveredNoAck,
    deliver_get: delivered + deliveredNoAck + got + gotNoAck,
    get: got,
    get_no_ack: gotNoAck,
    get_empty: gotNothing,
    ack: acked,
    redeliver: redelivered,
  }
}

export function channelCounts(counters: MessageCounters): Counts {
  const { confirmed, returned, dropped } = counters
  return { ...queueCounts(counters), confirm: confirmed, return_unroutable: returned, drop_unroutable: dropped }
}

export function exchangeCounts(counters: ExchangeCounters): Counts {
  return { publish_in: counters.in, publish_out: counters.out }
}

/** `message_stats`: counts and how fast they grow; `undefined` when nothing has happened yet. */
export function messageStats(of: object, counts: Counts, rates: Rates): JsonObject | undefined {
  return Object.values(counts).every((count) => count === 0) ? undefined : withRates(of, counts, rates)
}

/** Each count with its `_details`. */
export function withRates(of: object, counts: Counts, rates: Rates): JsonObject {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]): readonly [string, Json][] => [
      [name, count],
      [`${name}_details`, { rate: rates.rate(of, name) }],
    ]),
  )
}
