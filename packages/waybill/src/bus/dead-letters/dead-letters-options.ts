import type { AnyCommand, AnyDocument, AnyQuery, AnyStoredEvent, AnySurvey } from '../../contract/contract.ts'

/** What can become a dead letter: everything but events that are not stored. */
export type AnyKept = AnyStoredEvent | AnyCommand | AnyDocument | AnyQuery | AnySurvey

export interface DeadLettersOptions {
  /** Of a group that this bus does not run: it is an ordered one. Default false. */
  readonly ordered?: boolean
}
