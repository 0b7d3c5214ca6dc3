/** The server's own limit of a value is 1 GiB, and both ends hold it several times while it passes. */
export const MAX_BODY_BYTES: number = 64 * 2 ** 20
/** Ten years: beyond it a mistake is likelier than a wish. */
export const MAX_DELAY_MS: number = 10 * 365 * 86_400_000
