import type { Durable, MessageLog } from './store/message-log.ts'

/** Writes definitions to the log as JSON, where there is one. `done` is called at once where there is none. */
export class DefinitionLog {
  readonly #log: MessageLog | undefined
  readonly #prefix: string
  #unsynced = 0
  #waiting: Durable[] = []

  /** @param prefix of all keys */
  constructor(log: MessageLog | undefined, prefix = '') {
    this.#log = log
    this.#prefix = prefix
  }

  /** @param definition removes what there is when `undefined` */
  write(key: string, definition: object | undefined, done: Durable): void {
    if (this.#log === undefined) return done(undefined)
    this.#unsynced++
    const text = definition === undefined ? undefined : JSON.stringify(definition)
    this.#log.define(this.#prefix + key, text, (error) => {
      done(error)
      if (--this.#unsynced > 0) return
      for (const waiting of this.#waiting.splice(0)) waiting(error)
    })
  }

  /** What is declared a second time is answered only once the first time is synced. */
  afterEarlier(done: Durable): void {
    if (this.#unsynced === 0) done(undefined)
    else this.#waiting.push(done)
  }
}
