// From an address to a transport, loading only the transport that is used.
import { resolve } from 'node:path'
import { WaybillError } from '../../message/errors.ts'
import type { TransportFactory } from '../../transport/transport-factory.ts'
import { defaultFolder } from './default-folder.ts'

export interface TransportEnvironment {
  /** `WAYBILL_URL` */
  readonly url: string | undefined
  /** `NODE_ENV` */
  readonly mode: string | undefined
  /** The working directory. */
  readonly cwd: string
}

/**
 * `url` is that of a broker by its scheme (several of RabbitMQ, NATS or Redis, separated by commas, are tried in turn), or a
 * directory for the embedded broker; without one, the default folder.
 *
 * @throws {WaybillError} `WAYBILL_BAD_URL`, `WAYBILL_NO_DEFAULT_FOLDER`
 */
export async function resolveTransport(
  environment: TransportEnvironment,
): Promise<{ readonly factory: TransportFactory; readonly shown: string }> {
  const { url, mode, cwd } = environment
  const scheme = url === undefined ? undefined : /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase()
  if (url !== undefined && (scheme === 'amqp' || scheme === 'amqps')) {
    const { rabbitmq } = await import('../../transports/rabbitmq/rabbitmq.ts')
    const urls = url.split(',').map((one) => one.trim())
    return { factory: rabbitmq({ urls }), shown: urls.map(withoutPassword).join(', ') }
  }
  if (url !== undefined && (scheme === 'nats' || scheme === 'tls')) {
    const [{ nats }, { natsOptionsIn }] = await Promise.all([
      import('../../transports/nats/nats.ts'),
      import('../../transports/nats/nats-url.ts'),
    ])
    return { factory: nats(natsOptionsIn(url)), shown: url.split(',').map(withoutPassword).join(',') }
  }
  if (url !== undefined && scheme === 'kafka') {
    const { kafka } = await import('../../transports/kafka/kafka.ts')
    return { factory: kafka({ url }), shown: withoutPassword(url) }
  }
  if (url !== undefined && (scheme === 'redis' || scheme === 'rediss')) {
    const [{ redis }, { redisOptionsIn }] = await Promise.all([
      import('../../transports/redis/redis.ts'),
      import('../../transports/redis/redis-url.ts'),
    ])
    return { factory: redis(redisOptionsIn(url)), shown: url.split(',').map(withoutPassword).join(',') }
  }
  if (url !== undefined && (scheme === 'postgres' || scheme === 'postgresql')) {
    const [{ postgres }, { postgresOptionsIn }] = await Promise.all([
      import('../../transports/postgres/postgres.ts'),
      import('../../transports/postgres/postgres-url.ts'),
    ])
    return { factory: postgres(postgresOptionsIn(url)), shown: withoutPassword(url) }
  }
  if (scheme !== undefined && scheme !== 'file') {
    throw new WaybillError(
      'WAYBILL_BAD_URL',
      `WAYBILL_URL names the scheme "${scheme}:", which no transport here serves`,
    )
  }
  if (url?.trim() === '') throw new WaybillError('WAYBILL_BAD_URL', 'WAYBILL_URL is empty')
  const dir =
    url === undefined ? defaultFolder(cwd, mode === 'production') : resolve(cwd, url.replace(/^file:(\/\/)?/, ''))
  const { embedded } = await import('../../transports/embedded/embedded.ts')
  return { factory: embedded({ dir }), shown: dir }
}

function withoutPassword(url: string): string {
  // To the last @: a password that was not percent-encoded may have one of its own, or a slash.
  return url.replace(/\/\/.*@/, '//***@')
}
