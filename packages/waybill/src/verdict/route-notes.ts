// Under the line: what is assumed, and what may surprise.
import { lengthOfTime, rangeOfTime } from './length-of-time.ts'
import { isQuestion, type Facts, type Route } from './route.ts'
import type { RouteVerdict } from './route-verdict.ts'

/** A wait for the messages of a member that crashed, as most engines have it. */
const UNSURPRISING_MS = 30_000

export function notesOfRoute(
  route: Route,
  verdict: Omit<RouteVerdict, 'statement' | 'notes'>,
  facts: Facts,
): readonly string[] {
  return [...surprises(route, verdict), ...restraints(route, verdict), ...assumptions(verdict, facts)]
}

function surprises(route: Route, verdict: Omit<RouteVerdict, 'statement' | 'notes'>): readonly string[] {
  const { delivery, order, fencing, retention, retry, loss, copies, redeliveredWithinMs: again } = verdict
  const { message, role, group } = route
  const { settleWithinMs } = verdict.limits
  const ordered = order.kept === 'per-key'
  const { attempts, waitsMs } = retry
  const notes: readonly (readonly [when: boolean, note: string])[] = [
    [ordered && message.key === undefined, 'its contract has no key: what is sent without one shares a single shard'],
    [
      ordered && fencing === 'none',
      'a stalled former owner of a shard may still be executing: nothing refuses its writes',
    ],
    [
      isQuestion(route) && attempts > 1,
      `asked with requestAsync: ${attempts} attempts over ${rangeOfTime(waitsMs.least, waitsMs.most)}`,
    ],
    [
      role !== 'reply' && message.kind === 'command' && message.reply !== undefined,
      'a requester who waits is told of the first failure, and decides about trying again',
    ],
    [
      ordered && route.timeoutMs * route.prefetch > (settleWithinMs.value ?? Infinity),
      `${route.prefetch} messages of one key, at ${lengthOfTime(route.timeoutMs)} each, would outlast the ${lengthOfTime(settleWithinMs.value ?? 0)} in which they must be settled`,
    ],
    [
      verdict.poisonAfter === null,
      'nobody counts deliveries: a message that kills its process comes again without end',
    ],
    [
      verdict.redelivery === 'unmarked' && delivery.guarantee !== 'effectively-once',
      'a second delivery is not marked: tell it by its id',
    ],
    [
      delivery.guarantee === 'effectively-once',
      `once for what is written with ctx.tx, and told apart for ${lengthOfTime(delivery.rememberedMs ?? 0)}; other effects may come again`,
    ],
    [
      group.channel.foreign !== undefined && message.kind !== 'event',
      'the channel is not ours: its settings are nowhere told',
    ],
    [
      loss.window === 'power-loss' && (copies.value ?? 1) > 1,
      `to lose them, all ${copies.value} servers must lose power`,
    ],
    [
      retention.ms.value !== null && !isQuestion(route),
      `dropped after ${lengthOfTime(retention.ms.value ?? 0)}, handled or not (${retention.ms.source})`,
    ],
    [
      retention.bytes.value !== null && !isQuestion(route),
      `the oldest are dropped beyond ${retention.bytes.value} bytes, handled or not (${retention.bytes.source})`,
    ],
    [
      !isQuestion(route) && (again?.value ?? 0) > (again?.source === 'assumed' ? 0 : UNSURPRISING_MS),
      `what a crashed member held comes again within ${lengthOfTime(again?.value ?? 0)} (${again?.source})`,
    ],
    [again !== null && again.value === null, 'what a member held that vanished without a word may never come again'],
  ]
  return notes.filter(([when]) => when).map(([, note]) => note)
}

/** What may hold its handler back. */
function restraints(
  { restraints: { breaker, rate, bulkhead, batch } = {} }: Route,
  { retention }: Omit<RouteVerdict, 'statement' | 'notes'>,
): readonly string[] {
  const of = rate?.isPerKey === true ? ' for each key' : ''
  const notes: readonly (readonly [when: boolean, note: string])[] = [
    [
      breaker !== undefined,
      `paused while the circuit ${breaker} is open: what waits then is no attempt, and waits as long as that takes`,
    ],
    [
      breaker !== undefined && retention.ms.value !== null,
      'what is paused for longer than the engine keeps it is dropped',
    ],
    [rate !== undefined, `each instance begins at most ${rate?.limit} in ${lengthOfTime(rate?.perMs ?? 0)}${of}`],
    [bulkhead !== undefined, `at most ${bulkhead} at a time on each instance, whatever the concurrency`],
    [batch !== undefined, `handled in batches of up to ${batch}; what fails comes again in another`],
  ]
  return notes.filter(([when]) => when).map(([, note]) => note)
}

/** One sentence, of what changes the promise. */
function assumptions({ limits }: Omit<RouteVerdict, 'statement' | 'notes'>, { engine }: Facts): readonly string[] {
  const assumed = [
    limits.settleWithinMs.source === 'assumed' && limits.settleWithinMs.value !== null
      ? `it takes back what is not settled within ${lengthOfTime(limits.settleWithinMs.value)}`
      : undefined,
    limits.deliveries.source === 'assumed' && (limits.deliveries.value ?? 0) > 1
      ? `it gives up after ${limits.deliveries.value} deliveries`
      : undefined,
  ].filter((each) => each !== undefined)
  return assumed.length === 0 ? [] : [`assumed of ${engine.engine}: ${assumed.join('; ')}`]
}
