import type { AnyContracted } from '../../contract/contract.ts'
import { durationMs } from '../../runtime/duration.ts'
import type { Context } from './context.ts'
import type { BatchSize } from './limit-options.ts'
import type { InboxOptions, SubscriberOptions } from './handler-options.ts'

/** A handler as it was registered; types are checked at registration and erased here. */
export interface Registration {
  readonly role: 'on' | 'answer' | 'reply'
  readonly message: AnyContracted
  readonly handle: (body: never, context: Context) => unknown
  readonly options: SubscriberOptions<never> & InboxOptions<never>
  /** Of a handler of batches: `handle` takes a batch and its context. */
  readonly batch?: BatchSize
}

/** After which a handler's signal aborts. */
export function timeoutMsOf({ options }: Registration): number {
  return durationMs(options.timeout ?? '30s')
}
