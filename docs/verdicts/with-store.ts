import type { BusOptions } from 'waybill'
import { sqliteStore } from 'waybill/stores'

export { payments } from './payments.ts'
export const busOptions: BusOptions = { store: sqliteStore('shop.db') } // opened by a bus that starts, not here
