/** What a transport reports by itself. `channel` and `group` name the subscription. */
export type TransportEvent =
  /** The link went down; it is being taken up again. */
  | { readonly type: 'disconnected'; readonly error: Error }
  /** Why it could not be taken up again so far: each reason of an outage once. Tries go on. */
  | { readonly type: 'trouble'; readonly error: Error }
  /** The link is up again. */
  | { readonly type: 'connected' }
  /** The engine holds publishers back (memory, disk); sends wait. */
  | { readonly type: 'blocked'; readonly reason: string }
  | { readonly type: 'unblocked' }
  /** The engine no longer delivers to it; it is being taken up again. */
  | { readonly type: 'subscription-lost'; readonly channel: string; readonly group: string; readonly error: Error }
  | { readonly type: 'subscription-restored'; readonly channel: string; readonly group: string }
  /**
   * A transient subscription may have missed messages; pending replies will not come. One that began in the past goes on
   * where it was, and reports a gap only when what it had not read yet is gone.
   */
  | { readonly type: 'gap'; readonly channel: string; readonly group: string }
  /** This member now owns the shard, or no longer does. */
  | { readonly type: 'shard-assigned'; readonly channel: string; readonly group: string; readonly shard: number }
  | { readonly type: 'shard-revoked'; readonly channel: string; readonly group: string; readonly shard: number }
  /** Something went wrong that no caller is waiting for, for instance a settlement that the engine refused. */
  | { readonly type: 'error'; readonly error: Error }
