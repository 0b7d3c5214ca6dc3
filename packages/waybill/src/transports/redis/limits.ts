/** A year: what waits is in the server's memory, and costs as much as any other message. */
export const MAX_DELAY_MS: number = 365 * 86_400_000
