// The servers that tests use beside those that they start for themselves. Of each kind that the test files of this run
// read the variable of, in this order:
//
//   1  the one that the variable names (RABBITMQ_URL), which must answer
//   2  the one that `npm run servers -- up` has started
//   3  the one on the standard port
//   4  one that is started from the installed program, for this run
//
// or none: then `WAYBILL_TEST_RABBITMQ_URL` is not set, and what needs it is skipped.
import { SERVER_KINDS, type Server, type ServerKind } from './kinds.ts'
import { variablesReadBy } from './needs.ts'
import { ServerRecords } from './records.ts'

export class ServersForTests {
  readonly #started: Server[] = []

  /** Finds or starts what these files need, and puts it into the environment of those who run them. */
  async provide(files: readonly string[]): Promise<void> {
    // This may itself be run by a test.
    for (const { variable } of SERVER_KINDS) delete process.env[`WAYBILL_TEST_${variable}`]
    const read = variablesReadBy(files)
    const needed = SERVER_KINDS.filter(({ variable }) => read.has(variable))
    await Promise.all(
      needed.map(async (kind) => {
        const url = (await found(kind)) ?? (await this.#start(kind))
        if (url !== undefined) process.env[`WAYBILL_TEST_${kind.variable}`] = url
      }),
    )
  }

  /** Ends those that were started. */
  async end(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((server) => server.stop()))
  }

  async #start(kind: ServerKind): Promise<string | undefined> {
    if (kind.missing() !== undefined) return undefined
    try {
      const server = await kind.start(undefined)
      this.#started.push(server)
      return server.url
    } catch (error) {
      // Its program may have to be fetched first, and cannot be: what needs it is skipped, then.
      console.error(`${kind.name} does not start: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
}

async function found(kind: ServerKind): Promise<string | undefined> {
  const named = process.env[kind.variable]
  if (named !== undefined) {
    await kind.version(named).catch((cause: unknown) => {
      throw new Error(`${kind.variable} is set, but what it names does not answer as it should`, { cause })
    })
    return named
  }
  const urls = [new ServerRecords().read(kind.name)?.url ?? '', kind.standardUrl]
  for (const url of urls) if (url !== '' && (await answers(kind, url))) return url
  return undefined
}

async function answers(kind: ServerKind, url: string): Promise<boolean> {
  try {
    await kind.version(url)
    return true
  } catch {
    return false // whatever is there is not what we look for
  }
}
