import { connect, type Socket } from 'node:net'
import type { Runtime } from '../runtime/runtime.ts'
import { TrafficLane } from './traffic-lane.ts'

export type Direction = 'to-client' | 'to-target'
export type Side = 'client' | 'target'

export interface Target {
  readonly host: string
  readonly port: number
}

/** A client's connection and ours to the target, which end together unless one side is abandoned. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #target: Socket
  readonly #lanes: Readonly<Record<Direction, TrafficLane>>
  #abandoned: Side | undefined

  /** @param ended called once, when both sides are gone */
  constructor(client: Socket, to: Target, runtime: Runtime, ended: () => void) {
    this.#client = client
    this.#target = connect({ ...to, allowHalfOpen: true, noDelay: true })
    this.#lanes = {
      'to-target': new TrafficLane(client, this.#target, runtime),
      'to-client': new TrafficLane(this.#target, client, runtime),
    }
    client.setNoDelay(true)
    let open = 2
    for (const [socket, other, side] of [
      [client, this.#target, 'client'],
      [this.#target, client, 'target'],
    ] as const) {
      // `close` follows, and says all there is to say to the other side.
      socket.on('error', () => undefined)
      socket.on('close', (hadError) => {
        if (this.#abandoned !== side) {
          if (hadError) reset(other)
          else other.destroySoon()
        }
        if (--open > 0) return
        for (const lane of Object.values(this.#lanes)) lane.stop()
        ended()
      })
    }
  }

  lanes(direction: Direction | 'both'): readonly TrafficLane[] {
    return direction === 'both' ? Object.values(this.#lanes) : [this.#lanes[direction]]
  }

  /** Both sides see a reset. */
  cut(): void {
    reset(this.#client)
    reset(this.#target)
  }

  /** `side` is gone; the other one is not told, and what it sends is swallowed. */
  abandon(side: Side): void {
    this.#abandoned = side
    this.#lanes[side === 'client' ? 'to-client' : 'to-target'].discard()
    const gone = side === 'client' ? this.#client : this.#target
    reset(gone)
  }
}

/** Sockets that are being reset. */
const resetting = new WeakSet<Socket>()

/**
 * Node resets a socket by ending it first, and cannot once something else is ending it, or destroys it meanwhile (seen on
 * 24.15): it would never be closed, nor would the process end.
 */
function reset(socket: Socket): void {
  if (resetting.has(socket)) return
  if (socket.writableEnded) return void socket.destroy()
  resetting.add(socket)
  socket.resetAndDestroy()
}
