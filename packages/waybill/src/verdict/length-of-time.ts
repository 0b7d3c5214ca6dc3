/** Each unit, and from how many of them on it is used where the time does not fill it exactly. */
const UNITS = [
  ['d', 86_400_000, 2],
  ['h', 3_600_000, 2],
  ['min', 60_000, 2],
  ['s', 1_000, 1],
  ['ms', 1, 0],
] as const

/** For people: `90 s`, `9 min`, `1.8 s`. */
export function lengthOfTime(ms: number): string {
  const [amount, unit] = parts(ms)
  return `${amount} ${unit}`
}

/** `1.8 to 3.5 s`; one length where both read the same. */
export function rangeOfTime(leastMs: number, mostMs: number): string {
  const [least, leastUnit] = parts(leastMs)
  const [most, unit] = parts(mostMs)
  if (leastUnit !== unit) return `${least} ${leastUnit} to ${most} ${unit}`
  return least === most ? `${most} ${unit}` : `${least} to ${most} ${unit}`
}

function parts(ms: number): readonly [amount: string, unit: string] {
  const fits = UNITS.find(([, size, least]) => ms >= least * size || (ms >= size && ms % size === 0))
  const [unit, size] = fits ?? (['ms', 1] as const)
  const amount = ms / size
  return [String(amount >= 10 ? Math.round(amount) : Math.round(amount * 10) / 10), unit]
}
