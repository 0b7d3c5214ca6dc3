import { contract, event, type } from 'waybill'

export const orders = contract('orders', {
  placed: event(type<{ order: string; total: number }>()),
})
export const invoices = contract('invoices', {
  sent: event(type<{ order: string }>()),
})
