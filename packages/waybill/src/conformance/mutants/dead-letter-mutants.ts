import type { WireMessage } from '../../message/wire-message.ts'
import type { DeadLetterDecision, DeadLetterVisit } from '../../transport/dead-letter-visit.ts'
import type { Group, Transport } from '../../transport/transport.ts'
import { tapped, type Taps } from '../tapped-transport.ts'
import type { Mutant } from './mutant.ts'

type Visiting = (visit: DeadLetterVisit) => Promise<void>
type Decide = DeadLetterVisit['decide']

/** Lays a fault round each visit. */
const visiting = (
  name: string,
  breaks: readonly string[],
  tap: (group: Group, visit: DeadLetterVisit, go: Visiting, good: Transport) => Promise<void>,
): Mutant => ({
  name,
  breaks,
  infect: () => (good) => {
    const taps: Taps = { visitDeadLetters: (group, visit, go) => tap(group, visit, go, good) }
    return tapped(good, taps)
  },
})

/** Lays a fault round each question. */
const deciding = (
  name: string,
  breaks: readonly string[],
  change: (decide: Decide) => (letters: readonly WireMessage[]) => Promise<readonly DeadLetterDecision[]>,
): Mutant =>
  visiting(name, breaks, (_, visit, go) => go({ ...visit, decide: change((letters) => visit.decide(letters)) }))

/** Changes each decision on its way to the engine. */
const changing = (
  name: string,
  breaks: readonly string[],
  change: (decision: DeadLetterDecision, letter: WireMessage) => DeadLetterDecision,
): Mutant =>
  deciding(name, breaks, (decide) => async (letters) => {
    const decisions = await decide(letters)
    return decisions.map((each, n) => change(each, letters[n] as WireMessage)) // no more decisions than letters
  })

const remove: DeadLetterDecision = { action: 'remove' }

/** Takes out what is to be redriven, and sends it on as `to` says once the visit is over: in between nobody has it. */
const removeFirst = async (
  visit: DeadLetterVisit,
  go: Visiting,
  send: (message: WireMessage) => Promise<unknown>,
): Promise<void> => {
  const out: WireMessage[] = []
  const decide: Decide = async (letters) =>
    (await visit.decide(letters)).map((each) => {
      if (each.action === 'redrive') out.push(each.message)
      return each.action === 'redrive' ? remove : each
    })
  await go({ ...visit, decide })
  for (const message of out) await send(message)
}

export const deadLetterMutants: readonly Mutant[] = [
  deciding(
    'shows dead letters newest first',
    ['dead-letters/a visit shows', 'dead-letters/remove'],
    (decide) => async (letters) => (await decide(letters.toReversed())).toReversed(),
  ),
  visiting(
    'shows more dead letters than a batch',
    ['dead-letters/a visit shows', 'dead-letters/two thousand'],
    (_, visit, go) => go({ ...visit, batch: visit.batch * 2 }),
  ),
  changing('counts looks in the letter', ['dead-letters/what is kept'], (decision, letter) =>
    decision.action === 'keep'
      ? { action: 'replace', message: { ...letter, headers: { ...letter.headers, looked: 'yes' } } }
      : decision,
  ),
  {
    name: 'loses a dead letter that was looked at twenty times',
    breaks: ['dead-letters/100 looks'],
    infect: () => {
      const looks = new Map<string, number>()
      const often = ({ id }: WireMessage): boolean => {
        looks.set(id, (looks.get(id) ?? 0) + 1)
        return (looks.get(id) ?? 0) > 20
      }
      return (good) =>
        tapped(good, {
          visitDeadLetters: (_, visit, go) =>
            go({
              ...visit,
              decide: async (letters) => {
                const decisions = await visit.decide(letters)
                return decisions.map((each, n) => (often(letters[n] as WireMessage) ? remove : each))
              },
            }),
        })
    },
  },
  deciding('removes what comes before it, too', ['dead-letters/remove'], (decide) => async (letters) => {
    const decisions = await decide(letters)
    const last = decisions.findLastIndex(({ action }) => action === 'remove')
    return decisions.map((each, n) => (n < last ? remove : each))
  }),
  changing('redrives under a new id and forgets the history', ['dead-letters/what is redriven comes as'], (decision) =>
    decision.action === 'redrive'
      ? { ...decision, message: { ...decision.message, id: 'new', headers: {} } }
      : decision,
  ),
  visiting(
    'redrives by sending to the channel again',
    ['dead-letters/what is redriven comes to its own'],
    (group, visit, go, good) => removeFirst(visit, go, (message) => good.send([{ message, to: group.channel }])),
  ),
  deciding(
    'redrives a batch back to front',
    ['dead-letters/redriven letters of a key'],
    (decide) => async (letters) => {
      const decisions = await decide(letters)
      const messages = decisions.flatMap((each) => (each.action === 'redrive' ? [each.message] : []))
      return decisions.map((each) =>
        each.action === 'redrive' ? { action: 'redrive', message: messages.pop() ?? each.message } : each,
      )
    },
  ),
  changing('redrives past what is unsettled of the key', ['dead-letters/redriven, a letter waits'], (decision) =>
    decision.action === 'redrive' ? { ...decision, message: { ...decision.message, key: 'another' } } : decision,
  ),
  changing('keeps what is to be replaced', ['dead-letters/replace'], (decision) =>
    decision.action === 'replace' ? { action: 'keep' } : decision,
  ),
  visiting(
    'goes round again while there are dead letters',
    ['dead-letters/a visit ends with those', 'dead-letters/replace', 'dead-letters/a visit ends at its limit'],
    async (_, visit, go) => {
      await go(visit)
      await go(visit)
    },
  ),
  visiting('puts what a short visit keeps behind the others', ['dead-letters/a visit that sees'], (_, visit, go) =>
    go({
      ...visit,
      decide: async (letters) => {
        const decisions = await visit.decide(letters)
        if (visit.limit > 100) return decisions
        return decisions.map((each, n) =>
          each.action === 'keep' ? { action: 'replace', message: letters[n] as WireMessage } : each,
        )
      },
    }),
  ),
  visiting('takes no limit', ['dead-letters/a visit ends at its limit'], (_, visit, go) =>
    go({ ...visit, limit: 1_000_000 }),
  ),
  deciding(
    'removes what nothing is said of',
    ['dead-letters/a visit ends at its limit'],
    (decide) => async (letters) => {
      const decisions = await decide(letters)
      return letters.map((_, n) => decisions[n] ?? remove)
    },
  ),
  deciding(
    'removes a batch that cannot be decided',
    ['dead-letters/a decision that throws'],
    (decide) => async (letters) => {
      return await decide(letters).catch(() => letters.map(() => remove))
    },
  ),
  visiting(
    'has no dead letters of groups it does not know',
    ['dead-letters/of a group that nobody'],
    async (_, __, go) => {
      await go({ limit: 1, batch: 1, decide: () => Promise.resolve([]) }).catch(() => undefined)
    },
  ),
  visiting('asks for nothing', ['dead-letters/of a group without'], async (_, visit, go) => {
    await go(visit)
    await visit.decide([])
  }),
  visiting('visits at any time', ['dead-letters/before connect'], async (_, visit, go) => {
    await go(visit).catch(() => undefined)
  }),
  {
    name: 'lets one visit in at a time',
    breaks: ['dead-letters/two visits'],
    infect: () => {
      let isBusy = false
      return (good) =>
        tapped(good, {
          visitDeadLetters: async (_, visit, go) => {
            if (isBusy) throw new Error('somebody else is here')
            isBusy = true
            await go(visit).finally(() => (isBusy = false))
          },
        })
    },
  },
  visiting(
    'takes out what is to be redriven before it is stored',
    ['dead-letters/a visitor that dies', 'dead-letters/a broker that dies'],
    (group, visit, go, good) => removeFirst(visit, go, (message) => good.send([{ message, to: group.channel }])),
  ),
  visiting('gives up after a thousand dead letters', ['dead-letters/two thousand'], (_, visit, go) =>
    go({ ...visit, limit: Math.min(visit.limit, 1_000) }),
  ),
]
