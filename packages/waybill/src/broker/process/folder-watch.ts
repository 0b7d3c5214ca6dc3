import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { FOLDER_LOCK } from '../store/folder-lock.ts'

const EVERY_MS = 1_000

/**
 * Calls `gone` when the lock file of the folder is no longer the one that this process has locked: the folder was removed,
 * and another broker may be at work in a new one of its name.
 */
export class FolderWatch {
  readonly #file: string
  readonly #runtime: Runtime
  readonly #gone: () => void
  readonly #inode: number | undefined
  #timer: Timer | undefined

  constructor(dir: string, runtime: Runtime, gone: () => void) {
    this.#file = join(dir, FOLDER_LOCK)
    this.#runtime = runtime
    this.#gone = gone
    this.#inode = this.#look()
    this.#wait()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #wait(): void {
    this.#timer = this.#runtime.setTimer(EVERY_MS, () => {
      if (this.#look() === this.#inode) this.#wait()
      else this.#gone()
    })
  }

  #look(): number | undefined {
    return statSync(this.#file, { throwIfNoEntry: false })?.ino
  }
}
