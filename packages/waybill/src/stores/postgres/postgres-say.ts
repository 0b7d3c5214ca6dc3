import type { Statement } from '../sql/executor.ts'

/** Makes a statement, which is prepared under this name where it has one. */
export type Say = (name: string | undefined, text: string, ...values: readonly unknown[]) => Statement
