import type { Group } from '../../transport/transport.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Names } from './names.ts'
import type { Wire } from './wire.ts'

const ALL = '*'

/** How long a member may believe that nobody of its group wants a type; a newcomer that wants one waits so long. */
const KNOWN_MS = 1_000

/**
 * The types that a group has ever asked for, in any of its members. A member of an older release must not settle what a
 * newer one has asked for, so all of them look here before they pass a message by.
 */
export class TypeClaims {
  readonly #wire: () => Wire
  readonly #names: Names
  readonly #runtime: Runtime
  readonly #known = new Map<string, { readonly types: ReadonlySet<string> | undefined; readonly at: number }>()

  constructor(wire: () => Wire, names: Names, runtime: Runtime) {
    this.#wire = wire
    this.#names = names
    this.#runtime = runtime
  }

  /** Adds the group's types to those that stand. `undefined`: all types. */
  async claim(group: Group): Promise<ReadonlySet<string> | undefined> {
    if (group.channel.kind !== 'events') return undefined
    const registry = await this.#wire().registry()
    let changed = false
    const value = await registry.change(this.#key(group), (before) => {
      const after = merged(before, group.types)
      changed = before !== undefined && before !== after
      return after
    })
    if (changed) await new Promise<void>((resolve) => void this.#runtime.setTimer(2 * KNOWN_MS, resolve))
    return typesIn(value)
  }

  /** Those of now, or of a moment ago. */
  async read(group: Group): Promise<ReadonlySet<string> | undefined> {
    const key = this.#key(group)
    const now = this.#runtime.monotonic()
    const known = this.#known.get(key)
    if (known !== undefined && now - known.at < KNOWN_MS) return known.types
    const registry = await this.#wire().registry()
    const types = typesIn((await registry.get(key))?.string() ?? ALL)
    this.#known.set(key, { types, at: now })
    return types
  }

  #key(group: Group): string {
    return this.#names.typesKey(group)
  }
}

function merged(before: string | undefined, types: readonly string[] | undefined): string {
  if (types === undefined || before === ALL) return ALL
  const all = new Set([...(before === undefined ? [] : (JSON.parse(before) as string[])), ...types])
  return JSON.stringify([...all].toSorted())
}

function typesIn(value: string): ReadonlySet<string> | undefined {
  return value === ALL ? undefined : new Set(JSON.parse(value) as string[])
}
