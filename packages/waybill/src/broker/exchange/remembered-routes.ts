/** Routing keys whose answer is remembered; beyond it all are forgotten, as keys then seem to be unbounded. */
const MAX_REMEMBERED_KEYS = 1_024

/** Where messages of an exchange went, by routing key, for as long as no binding anywhere changes. */
export class RememberedRoutes<T> {
  readonly #routes = new Map<string, readonly T[]>()
  /** Of the bindings that the routes were found with. */
  #version = 0

  get(routingKey: string, version: number): readonly T[] | undefined {
    return this.#version === version ? this.#routes.get(routingKey) : undefined
  }

  set(routingKey: string, version: number, route: readonly T[]): void {
    if (this.#version !== version || this.#routes.size >= MAX_REMEMBERED_KEYS) this.#routes.clear()
    this.#version = version
    this.#routes.set(routingKey, route)
  }
}
