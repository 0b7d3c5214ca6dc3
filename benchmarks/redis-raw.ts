// The raw twin on Redis: what a user of the official client writes for the same messages, on a stream with a consumer group.
import { createClient } from '@redis/client'
import { systemRuntime } from '../packages/waybill/src/runtime/system-runtime.ts'
import { attributesOf } from './bench-message.ts'
import type { Run, Runner } from './measured-run.ts'

const runtime = systemRuntime()
const GROUP = 'bench'

type Client = ReturnType<typeof newClient>

function newClient(url: string) {
  // What was on its way when a link is lost must not be sent again behind the user's back.
  return createClient({ url, RESP: 2, disableOfflineQueue: true })
}

/** Pipelined XADD, XREADGROUP with COUNT on a connection of its own, one XACK for each batch. */
export class RawStream implements Runner {
  readonly #commands: Client
  readonly #reading: Client
  readonly #name: string

  private constructor(commands: Client, reading: Client, name: string) {
    this.#commands = commands
    this.#reading = reading
    this.#name = name
  }

  static async open(url: string, name: string): Promise<RawStream> {
    const [commands, reading] = [newClient(url), newClient(url)]
    await Promise.all([commands.connect(), reading.connect()])
    await commands.xGroupCreate(name, GROUP, '$', { MKSTREAM: true })
    return new RawStream(commands, reading, name)
  }

  async run({ messages, window, body }: Run): Promise<void> {
    const handled = this.#handle(messages, window)
    let sent = 0
    const publisher = async (): Promise<void> => {
      while (sent < messages) {
        sent++
        const fields = Object.fromEntries(attributesOf('ce-', runtime.newId(), 'event'))
        await this.#commands.xAdd(this.#name, '*', { ...fields, data: body })
      }
    }
    await Promise.all(Array.from({ length: window }, publisher))
    await handled
    // As the seam forgets what is settled.
    await this.#commands.xTrim(this.#name, 'MAXLEN', 0)
  }

  async close(): Promise<void> {
    await this.#commands.del(this.#name)
    this.#commands.destroy()
    this.#reading.destroy()
  }

  async #handle(messages: number, window: number): Promise<void> {
    let handled = 0
    while (handled < messages) {
      const streams = { key: this.#name, id: '>' }
      const read = await this.#reading.xReadGroup(GROUP, 'reader', streams, { COUNT: window, BLOCK: 1_000 })
      const entries = (read as readonly { readonly messages: readonly { readonly id: string }[] }[] | null)?.[0]?.messages // prettier-ignore
      if (entries === undefined) continue
      handled += entries.length
      void this.#commands.xAck(this.#name, GROUP, entries.map(({ id }) => id)) // prettier-ignore
    }
  }
}
