/** What headers may take of the server's max_payload: a user's are bounded by 64 KiB, and nearly never near it. */
const HEADER_ROOM = 16 * 1_024

/** In bytes, where the server takes `maxPayload` with headers. */
export function largestBody(maxPayload: number): number {
  return Math.max(1, maxPayload - HEADER_ROOM)
}

/** A year: a delayed message is kept by the server, and costs as much as any other. */
export const MAX_DELAY_MS: number = 365 * 86_400_000
