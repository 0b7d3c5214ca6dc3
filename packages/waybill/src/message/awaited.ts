/** Header of a request whose caller waits right now: a failure answers at once, and is not tried again. */
export const AWAITED_HEADER = 'waybill-awaited'
