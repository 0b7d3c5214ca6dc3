// How many members a group has: JetStream counts requests for messages, not who makes them. Each attached subscription
// answers on the group's `here` subject, so that what is counted has a link that works; the server itself answers when
// there is none.
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Runtime } from '../../runtime/runtime.ts'

/** After the last answer; and for the first, on a link that is well. */
const QUIET_MS = 150

/** One attached subscription, answering. */
export class RollCall {
  readonly #subscription: Subscription

  constructor(connection: NatsConnection, subject: string) {
    this.#subscription = connection.subscribe(subject, {
      // Who may not hear the roll is not counted; what else it may not do is said where it is done.
      callback: (error, call) => void (error === null && call.respond()),
    })
  }

  end(): void {
    this.#subscription.unsubscribe()
  }
}

/** How many answer. */
export async function callRoll(
  connection: NatsConnection,
  subject: string,
  inbox: string,
  runtime: Runtime,
): Promise<number> {
  let count = 0
  let last = runtime.monotonic()
  let nobody = false
  const answers = connection.subscribe(inbox, {
    callback: (error, answer) => {
      if (error !== null || answer.headers?.code === 503) nobody = true
      else count++
      last = runtime.monotonic()
    },
  })
  try {
    connection.publish(subject, '', { reply: inbox })
    await connection.flush()
    last = runtime.monotonic()
    while (!nobody && runtime.monotonic() - last < QUIET_MS)
      await new Promise<void>((resolve) => void runtime.setTimer(QUIET_MS / 5, resolve))
    return count
  } finally {
    if (!connection.isClosed()) answers.unsubscribe()
  }
}
