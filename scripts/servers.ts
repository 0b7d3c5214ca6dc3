// npm run servers -- up [name[:port] …]     starts servers on 127.0.0.1, with temporary data; without names, all
// npm run servers -- down [name …]          ends what up has started
// npm run -s servers -- status [name …]     what runs, and the variables to use it, as a shell reads them
import { down } from './servers/down.ts'
import { SERVER_KINDS, type ServerKind } from './servers/kinds.ts'
import { isKept, ServerRecords, type ServerRecord } from './servers/records.ts'
import { up } from './servers/up.ts'

const NAMES = SERVER_KINDS.map(({ name }) => name).join(', ')
const USAGE = `usage: npm run servers -- up [name[:port] …] | down [name …] | status [name …]\nnames: ${NAMES}`

const [command, ...words] = process.argv.slice(2)
const asked = words.map((word) => word.split(':', 2))
const unknown = asked.find(([name]) => SERVER_KINDS.every((kind) => kind.name !== name))
const hasBadPort = asked.some(([, port]) => port !== undefined && !(Number(port) > 0 && Number(port) < 65_536))
if (unknown !== undefined || hasBadPort)
  fail(`${unknown === undefined ? 'no port' : 'no server'} in ${words.join(' ')}\n${USAGE}`)

if (command === 'up') await upAll()
else if (command === 'down') await downAll()
else if (command === 'status') await status()
else fail(USAGE)

async function upAll(): Promise<void> {
  for (const kind of chosen()) {
    const port = asked.find(([name]) => name === kind.name)?.[1]
    try {
      say(await up(kind, port === undefined ? undefined : Number(port)))
    } catch (error) {
      console.log(`# ${kind.name}: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
}

async function downAll(): Promise<void> {
  for (const { name } of chosen()) console.log(`# ${name}: ${(await down(name)) ? 'ended' : 'not started by us'}`)
}

async function status(): Promise<void> {
  const records = new ServerRecords()
  for (const kind of chosen()) {
    const record = records.read(kind.name)
    if (record === undefined) console.log(`# ${kind.name}: not started by us${await elsewhere(kind)}`)
    else if (record.url === '' && isKept(record)) console.log(`# ${kind.name}: is being started`)
    else if (!isKept(record)) console.log(`# ${kind.name}: its keeper was killed; 'down' ends what is left of it`)
    else {
      const fault = await kind.version(record.url).then(
        () => undefined,
        (error: unknown) => String(error),
      )
      if (fault === undefined) say(record)
      else console.log(`# ${kind.name}: does not answer at ${record.url}: ${fault}`)
    }
  }
}

/** What tests would find without us. */
async function elsewhere(kind: ServerKind): Promise<string> {
  const url = process.env[kind.variable] ?? kind.standardUrl
  const version = await kind.version(url).catch(() => undefined)
  return version === undefined ? '' : `; ${version} answers at ${url}`
}

function say({ name, url, version, processes: [keeper], composeProject }: ServerRecord): void {
  const by = keeper === undefined ? `project ${composeProject ?? ''}` : `pid ${keeper.pid}`
  console.log(`# ${[name, version, by].filter((each) => each !== '').join(' ')}`)
  const kind = SERVER_KINDS.find((each) => each.name === name)
  console.log(`export ${kind?.variable ?? ''}='${url}'`)
}

function chosen(): readonly ServerKind[] {
  return asked.length === 0 ? SERVER_KINDS : SERVER_KINDS.filter((kind) => asked.some(([name]) => name === kind.name))
}

function fail(text: string): never {
  console.error(text)
  process.exit(2)
}
