interface Endable {
  on(event: 'connect', listener: () => void): unknown
  destroy(): void
  readonly isOpen: boolean
}

/**
 * How to end a client at any moment. One that is destroyed while its socket is on the way would leave that open, for ever:
 * it is destroyed when the socket has come.
 */
export function endOf(client: Endable): () => void {
  let isThere = false
  let isEnded = false
  client.on('connect', () => {
    isThere = true
    if (isEnded) client.destroy()
  })
  return () => {
    isEnded = true
    if (isThere && client.isOpen) client.destroy()
  }
}
