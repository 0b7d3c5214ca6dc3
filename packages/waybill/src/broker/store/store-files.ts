// The file operations the log is built on. One real implementation, one that simulates crashes and failures.

/** Undefined, or why the operation failed. */
export type FileDone = (error: Error | undefined) => void

/** The data folder. Names are relative to it. */
export interface StoreFiles {
  /** For error messages. */
  readonly folder: string
  /**
   * Takes the folder for this process until `release`; the kernel drops the lock with the process.
   *
   * @throws {WaybillError} `WAYBILL_STORE_IN_USE` at once when somebody else holds it
   */
  lock(): Promise<StoreLock>
  list(): Promise<readonly string[]>
  /** Creates a file of `size` zero bytes, allocated and synced, so that later writes change no metadata. */
  preallocate(name: string, size: number): Promise<void>
  /** Opens an existing file for reading and for durable writes. */
  open(name: string): Promise<StoreFile>
  /** Durable only after `syncFolder`. */
  rename(from: string, to: string): Promise<void>
  /** Durable only after `syncFolder`. */
  remove(name: string): Promise<void>
  syncFolder(): Promise<void>
  /** Bytes that may still be allocated in the folder's file system. */
  freeBytes(): Promise<number>
}

export interface StoreLock {
  release(): void
}

export interface StoreFile {
  readonly size: number
  /** Writes `bytes[from, from + length)` at `position`; `done` comes when it is on the disk, off the event-loop thread. */
  write(bytes: Uint8Array, from: number, length: number, position: number, done: FileDone): void
  /** Fills `into` from `position`; resolves with the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}
