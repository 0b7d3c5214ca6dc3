import type { MessageLog } from './store/message-log.ts'
import { fromStored, type StoredForm } from './stored-form.ts'

/** Reads a message: `use` is called at once when it is in memory, else later; `fail` when it cannot be had. */
export function readStored(
  log: MessageLog,
  sequence: number,
  use: (stored: StoredForm) => void,
  fail: (error: Error) => void,
): void {
  let read: ReturnType<MessageLog['read']>
  try {
    read = log.read(sequence)
  } catch (error) {
    return fail(asError(error))
  }
  if (read instanceof Promise) read.then((stored) => use(fromStored(stored))).catch((error) => fail(asError(error)))
  else use(fromStored(read))
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
