import { HistoryModel, type HistoryFaults } from './history-model.ts'
import type { Mutant } from './mutant.ts'

const mutant = (name: string, breaks: readonly string[], faults: HistoryFaults): Mutant => ({
  name,
  breaks,
  infect: (runtime) => {
    const model = new HistoryModel(runtime, faults)
    return (good) => model.over(good)
  },
})

export const historyMutants: readonly Mutant[] = [
  mutant(
    'begins now, whatever start is asked for',
    ['history/a reader that begins', 'history/what was', 'history/each', 'history/a group', 'group/one that starts'],
    { start: () => 'now' },
  ),
  mutant(
    'begins at the earliest instead of at a time',
    ['history/a reader that begins at a time', 'group/one that starts at a time'],
    {
      start: (start) => (typeof start === 'object' && 'time' in start ? 'earliest' : start),
    },
  ),
  mutant('tells no positions', ['history/each', 'history/a position', 'history/a group'], {
    position: () => undefined,
  }),
  mutant('tells the position of the one before', ['history/each', 'history/a group'], {
    position: (index) => String(Math.max(0, index - 1)),
  }),
  mutant('begins at the earliest where the position is gone', ['history/a position'], { resets: true }),
  mutant('ignores which shards are named', ['history/a reader of named'], { ignoresShards: true }),
  mutant('loses for readers what was sent while the link was down', ['history/a reader that has begun'], {
    losesOutages: true,
  }),
  mutant('begins a group at its start each time', ['history/a group begins'], { restartsGroups: true }),
  mutant('forgets what was read', ['history/what was handled'], { forgets: true }),
]
