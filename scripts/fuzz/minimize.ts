import type { Conversation, Step } from '../../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'

/** The shortest conversation found, by leaving out ever smaller parts, of which `holds` still says so. */
export async function minimized(
  conversation: Conversation,
  holds: (shorter: Conversation) => Promise<boolean>,
  mostTries: number,
): Promise<Conversation> {
  const shortening = new Shortening(holds, mostTries)
  let best = await shortening.shortest(conversation, (steps) => steps)
  for (let at = 0; at < best.length; at++) {
    const step = best[at]
    if (step?.what !== 'say') continue
    const rest = best
    const say = (octets: readonly number[]): Step => ({ ...step, octets: Buffer.from(octets) })
    const octets = await shortening.shortest([...step.octets], (fewer) => rest.with(at, say(fewer)))
    best = best.with(at, say(octets))
  }
  return best
}

class Shortening {
  readonly #holds: (shorter: Conversation) => Promise<boolean>
  #triesLeft: number

  constructor(holds: (shorter: Conversation) => Promise<boolean>, mostTries: number) {
    this.#holds = holds
    this.#triesLeft = mostTries
  }

  /** Leaves out halves, quarters and so on, for as long as that helps. */
  async shortest<T>(all: readonly T[], within: (part: readonly T[]) => Conversation): Promise<readonly T[]> {
    let best = all
    for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < best.length;) {
        if (this.#triesLeft-- <= 0) return best
        const fewer = best.toSpliced(at, size)
        if (await this.#holds(within(fewer))) best = fewer
        else at += size
      }
    }
    return best
  }
}
