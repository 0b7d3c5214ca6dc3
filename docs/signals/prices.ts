import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { contract, DIAGNOSTIC_CHANNELS, event, service, type LinkChanged } from 'waybill'
import { z } from 'zod'

const price = z.object({ sku: z.string(), cents: z.number().int() })
export const prices = contract('prices', {
  changed: event(price), // stored: nobody misses it
  ticked: event(price, { stored: false }), // for whoever listens at this moment
})

/** Every running instance of the service has each tick. There will be another one: a failed one is not tried again. */
export function board(shown: Map<string, number>) {
  return service('board').on(prices.ticked, ({ sku, cents }) => void shown.set(sku, cents), { retry: { attempts: 1 } })
}

/** Calls `reload` when ticks may have been missed, until the returned function is called. */
export function whenMissed(reload: () => void): () => void {
  const changed = (change: unknown) => {
    const { event: reported } = change as LinkChanged // what this channel is for
    if (reported.type === 'gap' && reported.channel === 'prices') reload()
  }
  subscribe(DIAGNOSTIC_CHANNELS.transport, changed)
  return () => void unsubscribe(DIAGNOSTIC_CHANNELS.transport, changed)
}
