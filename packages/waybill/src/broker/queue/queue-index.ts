import type { Message } from '../message.ts'
import type { MessageIndex } from './message-index.ts'

/**
 * What a queue knows of its messages. A position is a message's place for life: those of lower positions go first. The
 * plain index passes priorities over.
 */
export interface QueueIndex extends Omit<Pick<MessageIndex, keyof MessageIndex>, 'append'> {
  /** Adds a ready message behind those of its priority, and returns its position. */
  append(sequence: number, message: Message | undefined, deadline: number, size: number, priority: number): number
}
