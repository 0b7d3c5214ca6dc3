// Ids of stream entries: `<milliseconds>-<sequence>`, the sequence up to 2^64 - 1.

const LAST_SEQUENCE = '18446744073709551615'

/** Negative when `a` comes first. */
export function compareIds(a: string, b: string): number {
  const [ams = '', aseq = '0'] = a.split('-')
  const [bms = '', bseq = '0'] = b.split('-')
  if (ams !== bms) return Number(ams) - Number(bms)
  const difference = BigInt(aseq) - BigInt(bseq)
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

/** Of all ids before it, the last. */
export function idBefore(id: string): string {
  const [ms = '0', seq = '0'] = id.split('-')
  if (seq !== '0') return `${ms}-${BigInt(seq) - 1n}`
  return ms === '0' ? '0-0' : `${Number(ms) - 1}-${LAST_SEQUENCE}`
}

export function isId(text: string): boolean {
  return /^\d{1,15}-\d{1,20}$/.test(text)
}
