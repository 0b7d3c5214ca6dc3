// Which virtual hosts the log knows. The definitions of '/' have keys as they are, those of any other virtual host have
// its number before them; the virtual host itself is a definition too:
//
//   key = [ number " " ] key-in-host / "vhost " name
import { readDefinitions, type HostDefinitions } from './durable-definitions.ts'
import { readPolicies, type Policy } from './policy/policies.ts'
import { ROOT, type HostName } from './virtual-host-parts.ts'

/** What a virtual host is said to be for; means nothing to the broker. */
export interface HostSettings {
  readonly description?: string
  readonly tags?: readonly string[]
}

export interface StoredHost extends HostName {
  readonly settings: HostSettings
}

/** A virtual host with what it holds. */
export interface HeldHost extends StoredHost, HostDefinitions {
  readonly policies: readonly Policy[]
}

const HOST = 'vhost '
const IN_HOST = /^(\d+) (.*)$/s

export function hostKey(name: string): string {
  return HOST + name
}

/** Every virtual host with what it holds, '/' first. */
export function readHosts(definitions: ReadonlyMap<string, string>): readonly HeldHost[] {
  const stored = new Map<number, StoredHost>([[ROOT.number, { ...ROOT, settings: {} }]])
  const held = new Map<number, Map<string, string>>()
  for (const [key, text] of definitions) {
    if (key.startsWith(HOST)) {
      const host = JSON.parse(text) as StoredHost // written by VirtualHosts, under checksums of the log
      stored.set(host.number, host)
      continue
    }
    const [, number, keyInHost] = IN_HOST.exec(key) ?? [key, ROOT.number, key]
    const of = held.get(Number(number)) ?? new Map<string, string>()
    held.set(Number(number), of.set(keyInHost ?? key, text))
  }
  return [...stored.values()].map((host) => {
    const inHost = held.get(host.number) ?? new Map<string, string>()
    return { ...host, ...readDefinitions(inHost), policies: readPolicies(inHost) }
  })
}
