/** Runs `a` and `b` in alternating order, so that a noisy minute hits both. The first pair warms up and is dropped. */
export async function pairs<A, B>(rounds: number, a: () => Promise<A>, b: () => Promise<B>): Promise<{ a: A; b: B }[]> {
  const results: { a: A; b: B }[] = []
  for (let round = 0; round <= rounds; round++) {
    const swapped = round % 2 === 1
    const second = swapped ? await b() : undefined
    const first = await a()
    results.push({ a: first, b: second ?? (await b()) })
  }
  return results.slice(1)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2
}

/** `median [lowest - highest]` */
export function interval(values: readonly number[], digits = 2): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} - ${Math.max(...values).toFixed(digits)}]`
}
