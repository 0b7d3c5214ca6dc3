import { circuitBreaker, contract, event, service, type } from 'waybill'

export const orders = contract('orders', { shipped: event(type<{ id: string; cents: number }>()) })

/** One for each dependency, in each process. */
export const bank = circuitBreaker('bank', {
  consecutiveFailures: 5, // opens at the first of these three
  failureRate: 0.5, // of at least minimumCalls in the window
  failureLimit: 100, // in the window, whatever the rate
  minimumCalls: 20,
  window: '10s',
  timeout: '3s', // a call that takes longer has failed
  resetTime: '1s', // then one probe goes; each that fails doubles it,
  maxResetTime: '30s', // up to this
  counts: (error) => !(error instanceof RangeError), // the bank answered; it was our mistake
})

export function billing(post: (id: string, cents: number, signal: AbortSignal) => Promise<void>) {
  return service('billing').on(
    orders.shipped,
    async ({ id, cents }) => {
      await bank.call((signal) => post(id, cents, signal))
    },
    { breaker: bank },
  )
}
