// Fails on an upward or sideways import between rooms, and between the rooms within the bus; on a circle between files
// (type imports included); and on a global clock, timer or die outside runtime/.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('../packages/waybill/src/', import.meta.url))

/** Rooms by floor: a file imports from its own room and from lower floors. */
const FLOORS: readonly (readonly string[])[] = [
  ['runtime', 'message', 'contract'],
  ['transport', 'broker', 'store'],
  ['transports', 'stores', 'inbox', 'outbox', 'verdict', 'dead-letters'],
  ['bus', 'middleware', 'resilience'],
  ['saga', 'eventsourcing', 'scheduling', 'security', 'telemetry'],
  ['testing', 'conformance', 'cli'],
]
/** Rooms of one floor that may import each other, in this direction only. */
const SIDEWAYS: readonly (readonly [from: string, to: string])[] = [
  ['message', 'runtime'],
  ['contract', 'message'],
  ['store', 'transport'],
  ['contract', 'runtime'],
  ['bus', 'middleware'],
  ['bus', 'resilience'],
  ['conformance', 'testing'],
  ['transports/embedded', 'transports/amqp'],
  ['transports/rabbitmq', 'transports/amqp'],
  ['transports/shared', 'transports/amqp'],
  ['transports/shared', 'transports/rabbitmq'],
  ['transports/embedded', 'transports/shared'],
]
/**
 * Rooms within a room, by floor: none imports a sideways or a higher one, and none the files that lie beside the rooms, which
 * put them together.
 */
const INNER_FLOORS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  bus: [
    ['observation', 'requests'],
    ['sending'],
    ['service'],
    ['settings', 'handling'],
    ['batches', 'limits', 'outbox', 'explain', 'dead-letters', 'reading'],
    ['consuming', 'transactions'],
    ['subscription'],
    ['health', 'lifecycle'],
  ],
}
const FORBIDDEN_GLOBALS =
  /(?<![.\w'])(?:Date\.now|new Date\(\)|performance\.now|Math\.random|crypto\.randomUUID|randomUUID\(|setTimeout\(|setInterval\(|setImmediate\()/

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(SOURCE, name))

const problems: string[] = []
const graph = new Map<string, string[]>()

for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const isTest = /\.(test|test-d|test-support)\.ts$/.test(file)
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    resolve(dirname(file), match[1] ?? ''),
  )
  if (!isTest) graph.set(file, imports)
  for (const target of imports) {
    const problem = isTest ? undefined : (crossing(roomOf(file), roomOf(target)) ?? innerCrossing(file, target))
    if (problem !== undefined) problems.push(`${show(file)} imports ${show(target)}: ${problem}`)
  }
  const room = roomOf(file)
  if (!isTest && room !== 'runtime') {
    text.split('\n').forEach((line, index) => {
      const code = line.replace(/\/\/.*|^\s*\*.*/, '')
      if (FORBIDDEN_GLOBALS.test(code))
        problems.push(`${show(file)}:${index + 1}: take time and randomness from the Runtime: ${line.trim()}`)
    })
  }
}
problems.push(...circles())

if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
console.log(`layers: ${files.length} files, no upward import, no circle, no stray clock`)

/** The room of a file: its first folder, or the first two under transports/; '' for the doors at the top. */
function roomOf(file: string): string {
  const parts = relative(SOURCE, file).split(sep)
  if (parts.length === 1) return ''
  return parts[0] === 'transports' && parts.length > 2 ? `transports/${parts[1]}` : (parts[0] ?? '')
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room.split('/')[0] ?? ''))
}

function crossing(from: string, to: string): string | undefined {
  if (from === to || from === '') return undefined
  if (to === '') return 'a room never imports a door'
  const [up, down] = [floorOf(from), floorOf(to)]
  if (up === -1 || down === -1) return `room ${up === -1 ? from : to} has no floor in scripts/check-layers.ts`
  if (down < up) return undefined
  if (down > up) return `upward, from floor ${up} to floor ${down}`
  return SIDEWAYS.some(([a, b]) => a === from && b === to) ? undefined : 'rooms of one floor do not import each other'
}

/** Between two rooms within one room. */
function innerCrossing(file: string, target: string): string | undefined {
  const [outer, from] = innerRoomOf(file)
  const [outerOfTarget, to] = innerRoomOf(target)
  const floors = INNER_FLOORS[outer]
  if (floors === undefined || outer !== outerOfTarget || from === to) return undefined
  const [up, down] = [from, to].map((room) => floors.findIndex((rooms) => rooms.includes(room))) as [number, number]
  if (from !== '' && up === -1) return `room ${outer}/${from} has no floor in scripts/check-layers.ts`
  if (to === '') return `a room of ${outer}/ never imports what puts the rooms together`
  if (from === '' || down < up) return undefined
  if (down === -1) return `room ${outer}/${to} has no floor in scripts/check-layers.ts`
  return down > up
    ? `upward within ${outer}/, from floor ${up} to floor ${down}`
    : `rooms of one floor within ${outer}/ do not import each other`
}

/** The room of a file, and the room within it; '' for a file that lies beside its inner rooms. */
function innerRoomOf(file: string): readonly [outer: string, inner: string] {
  const parts = relative(SOURCE, file).split(sep)
  return [parts[0] ?? '', parts.length > 2 ? (parts[1] ?? '') : '']
}

function circles(): string[] {
  const found: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const visit = (file: string): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push(`circle: ${[...path.slice(path.indexOf(file)), file].map(show).join(' -> ')}`)
      return
    }
    state.set(file, 'open')
    path.push(file)
    for (const next of graph.get(file) ?? []) if (graph.has(next)) visit(next)
    path.pop()
    state.set(file, 'done')
  }
  for (const file of graph.keys()) visit(file)
  return found
}

function show(file: string): string {
  return relative(SOURCE, file)
}
