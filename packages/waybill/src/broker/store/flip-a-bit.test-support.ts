import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Damages a store that nobody has open: one bit in the middle of the used part of its first segment. */
export function flipABit(dir: string): void {
  const [segment = ''] = readdirSync(dir)
    .filter((name) => name.endsWith('.log') && name !== 'broker.log')
    .toSorted()
  const bytes = readFileSync(join(dir, segment))
  const used = bytes.findLastIndex((byte) => byte !== 0)
  const at = Math.floor(used / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(join(dir, segment), bytes)
}
