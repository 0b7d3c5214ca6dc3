import { WaybillError } from '../message/errors.ts'
import { DefinitionLog } from './definition-log.ts'
import { EntityCount } from './entity-limits.ts'
import type { SharedParts } from './shared-parts.ts'
import type { Durable } from './store/message-log.ts'
import { hostKey, type HostSettings, type StoredHost } from './stored-hosts.ts'
import { ROOT, virtualHostParts, type HostName, type VirtualHostParts } from './virtual-host-parts.ts'
import { VirtualHost } from './virtual-host.ts'

/** Each costs the exchanges that it always has, a few kilobytes. */
const MOST_HOSTS = 1_024
/** What a short string can say. */
const LONGEST_NAME_BYTES = 255

/** The virtual hosts of a broker by name. '/' is always there. */
export class VirtualHosts {
  readonly root: VirtualHost
  readonly #shared: SharedParts
  readonly #definitions: DefinitionLog
  readonly #deleting: (host: VirtualHost) => void
  readonly #hosts = new Map<string, VirtualHost>()
  readonly #rootParts: VirtualHostParts
  readonly #count: EntityCount
  #ended: Error | undefined

  /** @param deleting a virtual host is about to go, with what is in it */
  constructor(shared: SharedParts, deleting: (host: VirtualHost) => void) {
    this.#shared = shared
    this.#definitions = new DefinitionLog(shared.log)
    this.#count = new EntityCount(shared.limits, () => this.all())
    this.#deleting = deleting
    this.#rootParts = virtualHostParts(ROOT, shared, this.#count)
    this.root = new VirtualHost(ROOT, this.#rootParts)
    this.#hosts.set(this.root.name, this.root)
  }

  get(name: string): VirtualHost | undefined {
    return this.#hosts.get(name)
  }

  all(): Iterable<VirtualHost> {
    return this.#hosts.values()
  }

  /**
   * The virtual host of that name, which is made unless it is there; `settings` replace those it has.
   *
   * @throws {WaybillError} `WAYBILL_LIMIT` when there are too many, or the name is longer than 255 bytes
   */
  create(name: string, settings: HostSettings = {}, done: Durable = ignore): VirtualHost {
    if (this.#ended !== undefined) throw this.#ended
    const host = this.#hosts.get(name) ?? this.#make(name)
    host.settings = settings
    const stored: StoredHost = { name, number: host.number, settings }
    this.#definitions.write(hostKey(name), stored, done)
    return host
  }

  /**
   * Deletes a virtual host with everything in it, and ends its connections. `false` when there is none.
   *
   * @throws {WaybillError} `WAYBILL_REFUSED` for '/', which the services of this machine use
   */
  delete(name: string, done: Durable = ignore): boolean {
    if (this.#ended !== undefined) throw this.#ended
    const host = this.#hosts.get(name)
    if (host === undefined) {
      done(undefined)
      return false
    }
    if (host === this.root) throw new WaybillError('WAYBILL_REFUSED', `vhost '/' is always there`)
    this.#hosts.delete(name)
    this.#deleting(host)
    host.empty(new WaybillError('WAYBILL_NOT_FOUND', `vhost '${name}' is deleted`))
    // Last, so that whoever reads half of this finds the virtual host there, to be deleted again.
    this.#definitions.write(hostKey(name), undefined, done)
    return true
  }

  /** A virtual host from the log. */
  restore({ name, number, settings }: StoredHost): VirtualHostParts {
    const parts = number === ROOT.number ? this.#rootParts : this.#add({ name, number })
    const host = this.#hosts.get(name)
    if (host !== undefined) host.settings = settings
    return parts
  }

  /** Refuses everything from now on, with this error. */
  stop(error: Error): void {
    this.#ended ??= error
    for (const host of this.all()) host.stop(error)
  }

  /** Ends connections and queues, as the broker closes. */
  close(error: Error): void {
    this.stop(error)
    for (const host of this.all()) host.close(error)
  }

  #make(name: string): VirtualHost {
    if (this.#hosts.size >= MOST_HOSTS) throw new WaybillError('WAYBILL_LIMIT', `${MOST_HOSTS} virtual hosts exist`)
    const bytes = Buffer.byteLength(name)
    if (bytes > LONGEST_NAME_BYTES) {
      throw new WaybillError('WAYBILL_LIMIT', `a name of ${bytes} bytes for a vhost; ${LONGEST_NAME_BYTES} at most`)
    }
    const named = { name, number: this.#shared.numbers.next() }
    const host = new VirtualHost(named, virtualHostParts(named, this.#shared, this.#count))
    this.#hosts.set(name, host)
    return host
  }

  #add(named: HostName): VirtualHostParts {
    this.#shared.numbers.taken(named.number)
    const parts = virtualHostParts(named, this.#shared, this.#count)
    this.#hosts.set(named.name, new VirtualHost(named, parts))
    return parts
  }
}

/** The caller does not wait: a failure of the log reaches everybody through the `failed` event. */
function ignore(): void {}
