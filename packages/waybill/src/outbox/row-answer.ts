import type { OutboxRow } from '../store/store.ts'

/** What became of a row that was given to the broker. */
export type RowAnswer =
  /** `stored`: the broker has it. `unwanted`: nobody wants it any more. */
  | { readonly outcome: 'stored' | 'unwanted' }
  /** It was not stored, for a reason of its own. */
  | { readonly outcome: 'refused'; readonly error: Error }
  /** The broker could not be reached, or did not answer: nothing is known, and nothing is the row's fault. */
  | { readonly outcome: 'unknown'; readonly error: Error }

/** What is to be written after an answer. */
export type RowChange =
  | { readonly change: 'remove'; readonly position: bigint }
  | { readonly change: 'refused' | 'park'; readonly position: bigint; readonly row: OutboxRow; readonly error: Error }
