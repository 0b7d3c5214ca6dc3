// Who answers at a URL, and in which version: each resolves with the version, and rejects when it is not the server that
// was looked for.
import { connect as connectAmqp } from 'amqplib'
import { connect, type Socket } from 'node:net'

const ANSWER_MS = 3_000

/** By AMQP; Waybill's own broker is not taken for it. */
export async function rabbitmqVersion(url: string): Promise<string> {
  const model = await connectAmqp(url, { timeout: ANSWER_MS })
  const { product, version } = model.connection.serverProperties
  await model.close()
  if (product !== 'RabbitMQ') throw new Error(`it is ${product}`)
  return version
}

/** By the API of its plugin rabbitmq_management; its version is that of RabbitMQ. */
export async function managementVersion(url: string): Promise<string> {
  const { origin, username, password } = new URL(url)
  const login = username === '' ? 'guest:guest' : `${username}:${password}`
  const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` }
  const answer = await fetch(`${origin}/api/overview`, { headers, signal: AbortSignal.timeout(ANSWER_MS) })
  const { product_name: product, rabbitmq_version: version } = (await answer.json()) as Record<string, unknown>
  if (product !== 'RabbitMQ') throw new Error(`it is ${String(product)}`)
  return String(version)
}

/** @see https://docs.nats.io/reference/reference-protocols/nats-protocol#info */
export function natsVersion(url: string): Promise<string> {
  return talk(url, 4222, undefined, (heard) => {
    const [, json] = /^INFO (\{.*\})/.exec(heard.toString()) ?? []
    if (json === undefined) return undefined
    const { version, jetstream } = JSON.parse(json) as { readonly version: string; readonly jetstream?: boolean }
    if (jetstream !== true) throw new Error(`NATS ${version} without JetStream`)
    return version
  })
}

export function redisVersion(url: string): Promise<string> {
  return talk(url, 6379, Buffer.from('INFO server\r\n'), (heard) => {
    const text = heard.toString()
    if (text.startsWith('-')) throw new Error(text.trim())
    return /redis_version:(\S+)/.exec(text)?.[1]
  })
}

/** @see https://www.postgresql.org/docs/current/protocol-message-formats.html */
export function postgresVersion(url: string): Promise<string> {
  const { username, pathname } = new URL(url)
  const fields = ['user', username, 'database', pathname.slice(1) || username, ''].map((field) => `${field}\0`).join('')
  const startup = Buffer.alloc(8 + fields.length)
  startup.writeInt32BE(startup.length)
  startup.writeInt32BE(196_608, 4) // protocol 3.0
  startup.write(fields, 8)
  return talk(url, 5432, startup, (heard) => {
    for (let at = 0; at + 5 <= heard.length; at += 1 + heard.readInt32BE(at + 1)) {
      const type = heard.toString('latin1', at, at + 1)
      const body = heard.toString('utf8', at + 5, at + 1 + heard.readInt32BE(at + 1))
      if (type === 'E') throw new Error(body.replaceAll('\0', ' '))
      const [name, value] = body.split('\0')
      if (type === 'S' && name === 'server_version') return value?.split(' ')[0]
    }
    return undefined
  })
}

/** MariaDB or MySQL greets first. @see https://mariadb.com/kb/en/connection/#initial-handshake-packet */
export function mysqlVersion(url: string): Promise<string> {
  return talk(url, 3306, undefined, (heard) => {
    if (heard.length < 5) return undefined
    if (heard[4] !== 10) throw new Error('it is neither MariaDB nor MySQL')
    const end = heard.indexOf(0, 5)
    // MariaDB has old clients believe that it is 5.5.5.
    return end === -1
      ? undefined
      : heard
          .toString('latin1', 5, end)
          .replace(/^5\.5\.5-/, '')
          .split('-')[0]
  })
}

/** Kafka does not tell its version: ''. @see https://kafka.apache.org/protocol#The_Messages_ApiVersions */
export function kafkaVersion(url: string): Promise<string> {
  const request = Buffer.alloc(14)
  request.writeInt32BE(request.length - 4)
  request.writeInt16BE(18, 4) // ApiVersions, version 0
  request.writeInt32BE(7, 8) // correlation id
  request.writeInt16BE(-1, 12) // no client id
  return talk(url, 9092, request, (heard) => {
    if (heard.length < 10) return undefined
    if (heard.readInt32BE(4) !== 7 || heard.readInt16BE(8) !== 0) throw new Error('it is no Kafka')
    return ''
  })
}

/** Connects, says one thing, and reads until `read` has found what it looks for, or throws. */
async function talk(
  url: string,
  standardPort: number,
  say: Buffer | undefined,
  read: (heard: Buffer) => string | undefined,
): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(port === '' ? standardPort : Number(port), hostname)
  try {
    if (say !== undefined) socket.write(say)
    return await found(socket, read)
  } finally {
    socket.destroy()
  }
}

function found(socket: Socket, read: (heard: Buffer) => string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = Buffer.alloc(0)
    socket.setTimeout(ANSWER_MS, () => reject(new Error('it does not answer')))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('it has hung up')))
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk])
      try {
        const answer = read(heard)
        if (answer !== undefined) resolve(answer)
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  })
}
