/** How many messages an exchange was given, and how many it gave to queues: one that goes to two counts twice. */
export class ExchangeCounters {
  in = 0
  out = 0
}
