/**
 * Octets that may wait for one client to read them, beyond which it is not listened to, so that it gets no more answers,
 * and direct replies to it are dropped.
 */
export const MOST_UNREAD_BYTES: number = 8 * 1024 * 1024
