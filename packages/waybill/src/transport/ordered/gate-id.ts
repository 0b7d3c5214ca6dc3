/**
 * By which the gate of a shard knows a message. What came back from the dead letters is never taken for what is still there of
 * the same message: the owner that buried it may not have heard yet that it is stored.
 *
 * @param again where it came back: its place in what holds such messages of the shard
 */
export function gateId(messageId: string, again: number | bigint | undefined): string {
  return again === undefined ? messageId : `again/${again}`
}
