import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  encodeConversation,
  packConversation,
  unpackConversation,
  type Conversation,
} from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import type { Dice } from './dice.ts'

export const CORPUS_FILE: string = fileURLToPath(
  new URL('../../packages/waybill/src/broker/server/fuzz/corpus.txt', import.meta.url),
)
/** In the file: small enough for a repository, and for a test that plays all of it. */
const MOST_OCTETS = 250_000

interface Kept {
  readonly conversation: Conversation
  readonly octets: number
}

/** Conversations of which each has brought the server to something that none before it had. */
export class Corpus {
  readonly #kept: Kept[] = []
  readonly #reached = new Set<string>()

  static read(): readonly Conversation[] {
    return readFileSync(CORPUS_FILE, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map(unpackConversation)
  }

  get size(): number {
    return this.#kept.length
  }

  get reached(): number {
    return this.#reached.size
  }

  any(dice: Dice): Conversation | undefined {
    return this.#kept.length === 0 ? undefined : dice.one(this.#kept).conversation
  }

  /** What nobody has reached before. */
  news(reached: ReadonlySet<string>): readonly string[] {
    return [...reached].filter((each) => !this.#reached.has(each))
  }

  add(conversation: Conversation, reached: ReadonlySet<string>): void {
    for (const each of reached) this.#reached.add(each)
    this.#kept.push({ conversation, octets: encodeConversation(conversation).length })
  }

  /** Writes the shortest first, as far as the file may grow. */
  write(): void {
    const lines: string[] = []
    let octets = 0
    for (const { conversation } of this.#kept.toSorted((a, b) => a.octets - b.octets)) {
      const line = packConversation(conversation)
      if ((octets += line.length + 1) > MOST_OCTETS) break
      lines.push(line)
    }
    writeFileSync(CORPUS_FILE, `${lines.join('\n')}\n`)
  }
}
