import { ReplyError } from '../reply-error.ts'

/** Longest life of a message or an unused queue, in milliseconds: ten years, as in RabbitMQ. */
export const MAX_LIFE_MS: number = 10 * 365 * 86_400_000

/**
 * The basic property `expiration`: milliseconds as decimal text.
 *
 * @throws {ReplyError} 406 when it is no whole number, or above ten years
 */
export function readExpiration(text: string): number {
  const milliseconds = /^\+?\d+$/.test(text) ? Number(text) : NaN
  if (milliseconds <= MAX_LIFE_MS) return milliseconds
  throw new ReplyError(406, `invalid expiration '${text}': it must be whole milliseconds, ${MAX_LIFE_MS} at most`)
}
