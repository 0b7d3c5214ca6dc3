import { contract, event, service, type } from 'waybill'

export const accounts = contract('accounts', {
  opened: event(type<{ email: string; tenant: string }>()),
  closed: event(type<{ email: string; tenant: string }>()),
})

export function mailer(send: (to: string, template: string) => Promise<void>, archive: (of: string) => Promise<void>) {
  return (
    service('mailer')
      // What the provider allows: 100 a second, and a burst of 20 after a pause. For each tenant by itself.
      .on(accounts.opened, ({ email }) => send(email, 'welcome'), {
        rate: { limit: 100, per: '1s', burst: 20, key: ({ tenant }) => tenant },
      })
      // The archive may hang. It has four slots of the subscription's sixteen, and never more.
      .on(accounts.closed, ({ email }) => archive(email), { bulkhead: 4 })
  )
}
