import type { WaybillError } from '../../message/errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { CODE, isPassing } from './kafka-errors.ts'

/** Leaders and coordinators move within seconds; what has not come after so long is told to the caller. */
const PATIENCE_MS = 20_000
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 500

/** Asks again while the answer's code says that it may go better in a moment. The last answer is returned, whatever it says. */
export async function untilSettled<Answer>(
  session: { readonly runtime: Runtime; readonly fault: WaybillError | undefined },
  ask: () => Promise<Answer>,
  codeOf: (answer: Answer) => number,
): Promise<Answer> {
  const until = session.runtime.monotonic() + PATIENCE_MS
  let waitMs = FIRST_WAIT_MS
  for (;;) {
    if (session.fault !== undefined) throw session.fault
    const answer = await ask()
    const code = codeOf(answer)
    if (code === CODE.none || !isPassing(code) || session.runtime.monotonic() > until) return answer
    const pause = waitMs
    await new Promise<void>((resolve) => void session.runtime.setTimer(pause, resolve))
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)
  }
}
