import { command, contract, service, type, type Retry } from 'waybill'

export const payments = contract('payments', {
  charge: command(type<{ order: string; cents: number }>()),
})

export class CardDeclined extends Error {}
export class RateLimited extends Error {}

export const patient: Retry = {
  attempts: 6, // tries in all: at once, then after 200 ms, 400 ms, 800 ms, 1.6 s
  immediate: 1,
  base: '200ms',
  max: '5m',
  within: '10m', // and none begins later than this after the first failure
  giveUpOn: [CardDeclined], // no retry cures it: a dead letter at once
  per: [{ on: RateLimited, attempts: 20, immediate: 0, base: '10s', backoff: 'fixed' }],
}

export function till(charge: (order: string, cents: number) => Promise<void>) {
  return service('till').on(payments.charge, ({ order, cents }) => charge(order, cents), { retry: patient })
}
