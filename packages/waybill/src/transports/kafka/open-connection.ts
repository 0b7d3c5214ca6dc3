import type { Runtime } from '../../runtime/runtime.ts'
import { abortable } from '../../transport/abortable.ts'
import type { EngineFacts } from '../../transport/engine-facts.ts'
import type { LinkConnection, LinkSettings, OpenConnection } from '../../transport/link.ts'
import { shown, type BrokerAddress, type ClusterSettings } from './broker-address.ts'
import type { Driver } from './driver.ts'
import { engineFacts } from './facts.ts'
import { Fetcher } from './fetcher.ts'
import { linkError } from './kafka-errors.ts'
import type { KafkaLink } from './kafka-link.ts'
import { Producer } from './producer.ts'
import { deliveryLimit } from './route-facts.ts'
import { Session } from './session.ts'
import { shareApis } from './share/share-apis.ts'

export const TITLE = 'Kafka'

/** A cluster is rarely gone for long, and a broker that comes back is there at once. */
const BACK_OFF = { firstMs: 100, longestMs: 2_000 } as const

export interface KafkaAddress extends BrokerAddress {
  readonly text: string
}

/** What a transport's link is made of. */
export interface KafkaConnection extends KafkaLink, LinkConnection {
  readonly facts: EngineFacts
  /** How often the cluster gives a record of a share group out. */
  readonly deliveryLimit: number
}

/** @param known brokers that the cluster itself has told of: they are tried behind those that were given */
export function linkSettings(
  { addresses: given }: ClusterSettings,
  known: () => readonly BrokerAddress[],
): LinkSettings<KafkaAddress> {
  const isGiven = ({ host, port }: BrokerAddress): boolean => given.some((a) => a.host === host && a.port === port)
  return {
    title: TITLE,
    addresses: () => {
      const all = [...given, ...known().filter((address) => !isGiven(address))]
      return Promise.resolve(all.map((address) => ({ ...address, text: shown(address) })))
    },
    backOff: BACK_OFF,
  }
}

/** How a link to Kafka opens its sessions. */
export function openSession(
  driver: Driver,
  settings: ClusterSettings,
  runtime: Runtime,
): OpenConnection<KafkaAddress, Session> {
  return openWith(driver, settings, runtime, (session) => Promise.resolve(session))
}

/**
 * How a transport's link opens its sessions, with what lives as long as they.
 *
 * @param throttled the cluster makes us wait so long: a quota is used up
 */
export function openConnection(
  driver: Driver,
  settings: ClusterSettings,
  runtime: Runtime,
  throttled: (forMs: number) => void,
): OpenConnection<KafkaAddress, KafkaConnection> {
  return openWith(driver, settings, runtime, async (session) => {
    const [facts, limit, producer] = await Promise.all([
      engineFacts(session),
      deliveryLimit(session),
      Producer.open(session, throttled),
    ])
    return {
      session,
      producer,
      fetcher: new Fetcher(session, 'shared'),
      share: shareApis(driver),
      facts,
      deliveryLimit: limit,
      destroy: () => session.destroy(),
    }
  })
}

function openWith<T>(
  driver: Driver,
  settings: ClusterSettings,
  runtime: Runtime,
  prepare: (session: Session) => Promise<T>,
): OpenConnection<KafkaAddress, T> {
  return async (address, signal, lost) => {
    signal.throwIfAborted()
    const session = new Session(driver, settings, runtime, lost)
    try {
      // A host that does not answer at all is waited for by the client, whatever we say.
      await abortable(session.open(address, signal), signal)
      return await abortable(prepare(session), signal)
    } catch (error) {
      const reason = linkError(error, address.text)
      session.end(reason)
      throw session.fault ?? reason
    }
  }
}
