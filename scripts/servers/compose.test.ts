import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { KAFKA_VERSION } from '../../packages/waybill/src/testing/servers/kafka-class-path.ts'
import { portVariable } from './compose.ts'
import { SERVER_KINDS } from './kinds.ts'

interface Service {
  readonly profiles: readonly string[]
  readonly image: string
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly healthcheck: { readonly test: readonly string[]; readonly start_period: string }
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string): string => readFileSync(root + file, 'utf8')
const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}
const portOf = (url: string): string => new URL(url).port

/** The port of this machine, by the variable that moves it. */
function publishedBy(service: Service): Readonly<Record<string, string>> {
  return Object.fromEntries(
    service.ports.map((port) => {
      const [, variable, standard] = /^127\.0\.0\.1:\$\{([A-Z_]+):-(\d+)\}:\d+$/.exec(port) ?? []
      return [variable ?? `not bound to 127.0.0.1: ${port}`, standard ?? '']
    }),
  )
}

test('compose.yaml has a service for every transport to a server, and every server of the tests', () => {
  const inProcess = ['amqp', 'embedded', 'shared']
  const transports = readdirSync(`${root}packages/waybill/src/transports`).filter((room) => !inProcess.includes(room))
  expect(Object.keys(services)).toEqual(expect.arrayContaining(transports))
  expect(Object.keys(services).toSorted()).toEqual([...new Set(SERVER_KINDS.map(({ service }) => service))].toSorted())
})

test.each(Object.entries(services))('%s: pinned, on 127.0.0.1, with a health check and a volume', (name, service) => {
  expect(service.profiles).toEqual([name, 'all'])
  expect(service.image).toMatch(new RegExp(`^[a-z/]+:\\$\\{${name.toUpperCase()}_VERSION:-[0-9.]+\\}[a-z-]*$`))
  expect(Object.keys(publishedBy(service))).toContain(portVariable(name))
  expect(service.healthcheck.test.length).toBeGreaterThan(1)
  expect(service.healthcheck.test[0]).toBe('CMD')
  expect(service.healthcheck.start_period).toMatch(/^\d+s$/)
  expect(service.volumes.map((volume) => volume.split(':')[0])).toEqual([name])
  expect(Object.keys(volumes)).toContain(name)
})

test.each(SERVER_KINDS)('$name: compose.yaml, the commands and docs/servers.md agree where it is', (kind) => {
  const published = publishedBy(services[kind.service] as Service)
  expect(published[portVariable(kind.name)]).toBe(portOf(kind.standardUrl))
  const row = read('docs/servers.md')
    .split('\n')
    .find((line) => line.startsWith('|') && line.includes(`\`${kind.name}\``))
  expect(row).toContain(`\`${kind.variable}\``)
  expect(row).toContain(`\`${kind.standardUrl}\``)
})

test('compose.yaml has the Kafka that the tests start', () => {
  expect(services['kafka']?.image).toContain(`:-${KAFKA_VERSION}}`)
})
