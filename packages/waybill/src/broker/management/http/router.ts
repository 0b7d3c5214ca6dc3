import { badRequest } from './http-error.ts'
import type { Method, Route } from './route.ts'

interface Node {
  readonly children: Map<string, Node>
  /** Takes any segment. */
  any: Node | undefined
  readonly routes: Map<Method, { readonly route: Route; readonly names: readonly string[] }>
}

export interface Found {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

export type Routing = Found | { readonly allowed: readonly Method[] } | undefined

/** Finds the route of a request: a segment that is written in a pattern goes before one that takes any text. */
export class Router {
  readonly #root = newNode()

  constructor(routes: Iterable<Route>) {
    for (const route of routes) this.#add(route)
  }

  /**
   * The route; where the path has others, which methods it has; `undefined` where there is no such path.
   *
   * @param path as in the request, without the query
   * @throws {HttpError} 400 when the path is no percent-encoded UTF-8
   */
  find(method: string, path: string): Routing {
    const found = walk(this.#root, decoded(path), 0, [])
    if (found === undefined) return undefined
    const { routes } = found.node
    const match = routes.get(method as Method) // a method that is none is not in the map
    if (match === undefined) return { allowed: [...routes.keys()] }
    return {
      route: match.route,
      params: Object.fromEntries(match.names.map((name, at) => [name, found.taken[at] ?? ''])),
    }
  }

  #add(route: Route): void {
    const names: string[] = []
    let node = this.#root
    for (const segment of route.pattern.split('/').slice(1)) {
      if (segment.startsWith(':')) {
        names.push(segment.slice(1))
        node = node.any ??= newNode()
      } else {
        const next = node.children.get(segment) ?? newNode()
        node.children.set(segment, next)
        node = next
      }
    }
    node.routes.set(route.method, { route, names })
  }
}

function newNode(): Node {
  return { children: new Map(), any: undefined, routes: new Map() }
}

function walk(
  node: Node,
  segments: readonly string[],
  at: number,
  taken: readonly string[],
): { readonly node: Node; readonly taken: readonly string[] } | undefined {
  const segment = segments[at]
  if (segment === undefined) return node.routes.size > 0 ? { node, taken } : undefined
  const child = node.children.get(segment)
  const found = child === undefined ? undefined : walk(child, segments, at + 1, taken)
  if (found !== undefined || node.any === undefined) return found
  return walk(node.any, segments, at + 1, [...taken, segment])
}

function decoded(path: string): readonly string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8')
  }
}
