// node keeper.ts <name> <port, or 0 for a free one>
//
// Keeps one server: starts it, writes down what was started, and ends it on SIGTERM. It tells its parent, if it has one,
// when the server answers, or why it does not.
import { SERVER_KINDS } from './kinds.ts'
import { familyOf } from './processes.ts'
import { ServerRecords } from './records.ts'

const [name = '', port = '0'] = process.argv.slice(2)
const kind = SERVER_KINDS.find((each) => each.name === name)
if (kind === undefined) throw new TypeError(`there is no server ${name}`)
const records = new ServerRecords()

// Nobody else starts it meanwhile.
records.claim(name, familyOf(process.pid))
// Its data goes with the record, even when this process is killed.
process.env['TMPDIR'] = records.makeDataFolder(name)
const starting = kind.start(Number(port) || undefined)

let isEnding = false
process.on('SIGTERM', () => void end())
// It outlives the terminal.
process.on('SIGHUP', () => {})
process.on('SIGINT', () => {})

try {
  const { url, version } = await starting
  const told = await kind.version(url)
  records.write({ name, url, version: version ?? told, processes: familyOf(process.pid) })
  // Waybill's own timers let a process end; this one waits for them.
  setInterval(() => {}, 1_000_000)
  tell({})
} catch (error) {
  tell({ fault: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
  await end()
}

async function end(): Promise<void> {
  if (isEnding) return
  isEnding = true
  // What did not start has cleaned up behind itself.
  await starting.then((server) => server.stop()).catch(() => {})
  records.remove(name)
  process.exit()
}

function tell(news: { readonly fault?: string }): void {
  // Its parent may be gone.
  if (process.connected) process.send?.(news, undefined, {}, () => process.connected && process.disconnect())
}
