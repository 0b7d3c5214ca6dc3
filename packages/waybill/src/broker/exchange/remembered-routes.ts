/** Routing keys whose answer is remembered; beyond it all are forgotten, as keys then seem to be unbounded. */
const MAX_REMEMBERED_KEYS = 1_024
/** Queues in all of the answers together. A message for so many costs more than to find them. */
const MAX_REMEMBERED_QUEUES = 16_384

/** Where messages of an exchange went, by routing key, for as long as no binding anywhere changes. */
export class RememberedRoutes<T> {
  readonly #routes = new Map<string, readonly T[]>()
  #queues = 0
  /** Of the bindings that the routes were found with. */
  #version = 0

  get(routingKey: string, version: number): readonly T[] | undefined {
    return this.#version === version ? this.#routes.get(routingKey) : undefined
  }

  set(routingKey: string, version: number, route: readonly T[]): void {
    const isFull = this.#routes.size >= MAX_REMEMBERED_KEYS || this.#queues + route.length > MAX_REMEMBERED_QUEUES
    if (this.#version !== version || isFull) this.#clear()
    this.#version = version
    if (route.length > MAX_REMEMBERED_QUEUES) return
    this.#queues += route.length
    this.#routes.set(routingKey, route)
  }

  #clear(): void {
    this.#routes.clear()
    this.#queues = 0
  }
}
