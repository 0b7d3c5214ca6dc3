import type { FieldTable } from '../wire/field-table.ts'
import type { Binding, Matcher } from './matcher.ts'

/**
 * Words between dots; in a binding key `*` stands for one word and `#` for zero or more (AMQP 0-9-1, section 3.1.3.3).
 * An empty word is a word: `a..b` has three. The empty key has none.
 *
 * A trie of binding words. A key of n words visits each node at most n + 1 times, as the walk remembers where under a
 * `#` it has been.
 */
export class TopicMatcher<T> implements Matcher<T> {
  readonly byKeyAlone = true
  readonly #root: Node<T> = newNode()

  add(binding: Binding<T>): void {
    let node = this.#root
    for (const word of words(binding.key)) {
      let child = node.children.get(word)
      if (child === undefined) node.children.set(word, (child = newNode()))
      node = child
    }
    node.bindings.add(binding)
  }

  remove(binding: Binding<T>): void {
    prune(this.#root, words(binding.key), 0, binding)
  }

  match(routingKey: string, _headers: () => FieldTable, found: Set<T>): void {
    walk(this.#root, words(routingKey), 0, found, new Set())
  }
}

interface Node<T> {
  readonly children: Map<string, Node<T>>
  readonly bindings: Set<Binding<T>>
}

function newNode<T>(): Node<T> {
  return { children: new Map(), bindings: new Set() }
}

function words(key: string): readonly string[] {
  return key === '' ? [] : key.split('.')
}

function walk<T>(node: Node<T>, key: readonly string[], at: number, found: Set<T>, seen: Set<Node<T>>): void {
  const many = node.children.get('#')
  // Below a `#` any rest of the key may begin. A node is come to with ever later places of the key, so that the first
  // visit has walked all rests that a later one would.
  if (many !== undefined && !seen.has(many)) {
    seen.add(many)
    for (let rest = at; rest <= key.length; rest++) walk(many, key, rest, found, seen)
  }
  const word = key[at]
  if (word === undefined) {
    for (const binding of node.bindings) found.add(binding.destination)
    return
  }
  const one = node.children.get('*')
  if (one !== undefined) walk(one, key, at + 1, found, seen)
  // A word of the routing key that reads `*` or `#` is an ordinary word and matches only wildcards.
  const exact = word === '*' || word === '#' ? undefined : node.children.get(word)
  if (exact !== undefined) walk(exact, key, at + 1, found, seen)
}

/** Removes the binding and the branches it leaves empty. Says whether `node` is now empty. */
function prune<T>(node: Node<T>, key: readonly string[], at: number, binding: Binding<T>): boolean {
  const word = key[at]
  if (word === undefined) node.bindings.delete(binding)
  else {
    const child = node.children.get(word)
    if (child !== undefined && prune(child, key, at + 1, binding)) node.children.delete(word)
  }
  return node.bindings.size === 0 && node.children.size === 0
}
