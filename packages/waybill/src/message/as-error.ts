/**
 * What was thrown, as an Error. Never throws itself: anything can be thrown, also an object that cannot be made text, and
 * what becomes of a message must not depend on that.
 */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new Error(asText(thrown))
}

/** The text of anything, for people. */
export function asText(value: unknown): string {
  try {
    return String(value)
  } catch {
    // An object without a prototype, or whose toString() throws: that it was thrown is all that can be said.
    return `a thrown ${typeof value} that cannot be shown`
  }
}
