// The instants at which a process is killed. Each lies between two things that must both happen, or neither.
export const BOUNDARIES = {
  'before-handler': 'a message is here, its handler has not begun',
  'before-commit': 'the handler has returned, its transaction is open',
  'after-commit': 'the transaction is committed, nobody knows yet',
  'before-acknowledge': 'the broker is about to be told that the message is done',
  'after-acknowledge': 'it was told a moment ago',
  'before-publish': 'a committed row is about to be given to the broker',
  'after-publish': 'the broker has stored it, the relay does not know yet',
  'before-remove': 'the relay is about to remove the row',
  'after-remove': 'it is removed',
  'before-retry': 'a failed message is about to be put back',
  'after-retry': 'it was put back a moment ago',
  'before-dead-letter': 'a message is about to become a dead letter',
  'after-dead-letter': 'it became one a moment ago',
  'during-redrive': 'dead letters are on their way back',
  'after-redrive': 'they are back',
} as const

export type Boundary = keyof typeof BOUNDARIES

export const BOUNDARY_NAMES: readonly Boundary[] = Object.keys(BOUNDARIES) as Boundary[] // its own keys
