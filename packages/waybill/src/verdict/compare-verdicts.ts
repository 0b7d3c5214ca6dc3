// Two sets of verdicts, of which one may come from a file: what is promised now that was not, and the other way round.
import type { Verdicts } from './route-verdict.ts'

/** Sentences for people: their wording is no promise. */
const PROSE: ReadonlySet<string> = new Set(['statement', 'notes', 'why', 'what', 'cure'])

/** A verdict with its fields by their paths: `retry.attempts`. */
interface Entry {
  readonly name: string
  readonly statement: string
  readonly fields: ReadonlyMap<string, string>
}

/**
 * What differs, in lines for people; none where nothing does.
 *
 * @param before as JSON has it
 * @throws {TypeError} when that is no set of verdicts of this format
 */
export function compareVerdicts(before: unknown, now: Verdicts): readonly string[] {
  if (!isVerdicts(before)) throw new TypeError('these are no verdicts of format 1')
  const [old, fresh] = [entriesOf(before), entriesOf(now)]
  const names = [...new Set([...old.keys(), ...fresh.keys()])].toSorted()
  const engine = before.engine === now.engine ? [] : [`engine: ${before.engine} is now ${now.engine}`]
  return [...engine, ...names.flatMap((name) => differences(old.get(name), fresh.get(name)))]
}

function differences(old: Entry | undefined, fresh: Entry | undefined): readonly string[] {
  if (old === undefined) return fresh === undefined ? [] : [`added: ${fresh.statement}`]
  if (fresh === undefined) return [`removed: ${old.statement}`]
  const paths = [...new Set([...old.fields.keys(), ...fresh.fields.keys()])]
  const changed = paths.filter((path) => old.fields.get(path) !== fresh.fields.get(path))
  if (changed.length === 0) return []
  return [
    `changed: ${fresh.statement}`,
    ...changed.map(
      (path) => `  ${path}: ${old.fields.get(path) ?? 'absent'} is now ${fresh.fields.get(path) ?? 'absent'}`,
    ),
  ]
}

function entriesOf({ routes, sends }: Verdicts): ReadonlyMap<string, Entry> {
  const entries = [
    ...routes.map((each) => entry(`route ${each.message} ${each.kind} ${each.service} ${each.group}`, each)),
    ...sends.map((each) => entry(`send ${each.message}`, each)),
  ]
  return new Map(entries.map((each) => [each.name, each]))
}

function entry(name: string, verdict: { readonly statement: string }): Entry {
  const fields = new Map<string, string>()
  flatten('', verdict, fields)
  return { name, statement: verdict.statement, fields }
}

function flatten(path: string, value: unknown, into: Map<string, string>): void {
  if (typeof value !== 'object' || value === null) return void into.set(path, String(value))
  for (const [key, each] of Object.entries(value))
    if (!PROSE.has(key)) flatten(path === '' ? key : `${path}.${key}`, each, into)
}

function isVerdicts(value: unknown): value is Verdicts {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 1) return false
  return 'routes' in value && Array.isArray(value.routes) && 'sends' in value && Array.isArray(value.sends)
}
