/** In the order in which lists are shown. */
export function byName<T extends { readonly name: string }>(items: Iterable<T>): readonly T[] {
  return Array.from(items).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
