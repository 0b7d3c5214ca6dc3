import type { EngineFacts } from '../../transport/engine-facts.ts'
import { call } from './call.ts'
import { MAX_MESSAGE_BYTES } from './declarer.ts'
import { WaybillError } from '../../message/errors.ts'
import { MAX_DELAY_MS } from './sender.ts'
import type { Session } from './session.ts'

/** ShareFetch of version 2: records one by one, and locks that can be renewed. Kafka 4.2. */
const SHARE_FETCH = { key: 78, version: 2 } as const
const METADATA_VERSIONS: readonly (readonly [level: number, version: string])[] = [
  [30, '4.3'],
  [29, '4.2'],
]

/** @throws {WaybillError} WAYBILL_UNSUPPORTED when the cluster is older than 4.2, or has its share groups switched off */
export async function engineFacts(session: Session): Promise<EngineFacts> {
  const answer = await call(session.control, session.driver.apiVersionsV3.api, 'waybill', '1')
  const shares = answer.apiKeys.find(({ apiKey }) => apiKey === SHARE_FETCH.key)?.maxVersion ?? -1
  const level = answer.finalizedFeatures?.find(({ name }) => name === 'metadata.version')?.maxVersionLevel ?? 0
  if (shares < SHARE_FETCH.version)
    throw new WaybillError('WAYBILL_UNSUPPORTED', 'the cluster has no share groups as Kafka 4.2 brought them', {
      cure: 'Upgrade the cluster to Kafka 4.2 or later; finalize its version (kafka-features.sh upgrade --release-version).',
    })
  return factsOf(METADATA_VERSIONS.find(([since]) => level >= since)?.[1] ?? `metadata.version ${level}`)
}

/** Of a cluster of this version, 4.2 or later. */
export function factsOf(version: string): EngineFacts {
  return {
    engine: 'kafka',
    version,
    capabilities: {
      confirms: 'native',
      unroutable: 'supplied',
      durableGroups: 'native',
      transientSubscriptions: 'native',
      signals: 'supplied',
      ordered: 'supplied',
      delayedRetry: 'supplied',
      delayedSend: 'supplied',
      expiry: 'supplied',
      deliveryCount: 'native',
      startEarliest: 'native',
      startAtTime: 'native',
      fencing: 'supplied',
      replay: 'native',
      liveFlow: 'supplied',
      deadLetterVisits: 'supplied',
    },
    limits: {
      maxMessageBytes: { value: MAX_MESSAGE_BYTES, source: 'told' },
      maxDelayMs: { value: MAX_DELAY_MS, source: 'told' },
    },
  }
}
