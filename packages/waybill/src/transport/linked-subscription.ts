import type { Group } from './transport.ts'

/** How the transport tells its subscriptions of the link, asks after them, and ends them. */
export interface LinkedSubscription {
  readonly group: Group
  /** Since when the server counts it as attached; `undefined` while it does not. */
  readonly attachedSince: number | undefined
  linkDown(error: Error): void
  linkUp(): void
  close(deadlineMs: number): Promise<void>
}
