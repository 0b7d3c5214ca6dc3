// Engines and databases of a crash run: each a server of its own, on a free port, gone at the end.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { SERVER_KINDS, type Server } from '../servers/kinds.ts'

export const TRANSPORTS = ['embedded', 'rabbitmq', 'nats', 'kafka', 'redis', 'postgres'] as const
export const STORES = ['sqlite', 'postgres', 'mysql'] as const

export type TransportName = (typeof TRANSPORTS)[number]
export type StoreName = (typeof STORES)[number]

/** Short leases, so that what a dead member held is soon handed out again. */
const PARAMETERS: Partial<Record<TransportName, string>> = { redis: '?lease=2s', postgres: '?lease=2s' }

export class CrashServers {
  readonly #started = new Map<string, Promise<Server>>()
  readonly #folders: string[] = []
  #databases = 0

  async transportUrl(name: TransportName): Promise<string> {
    if (name === 'embedded') return await this.#folder()
    const { url } = await this.#server(name)
    return url + (PARAMETERS[name] ?? '')
  }

  /** Of a new, empty database. */
  async databaseUrl(name: StoreName): Promise<string> {
    if (name === 'sqlite') return `sqlite:${join(await this.#folder(), 'services.db')}`
    const database = `crash_${++this.#databases}`
    const server = new URL((await this.#server(name === 'postgres' ? 'postgres' : 'mariadb')).url)
    if (name === 'postgres') {
      const admin = new pg.Client(server.href)
      await admin.connect()
      await admin.query(`CREATE DATABASE ${database}`)
      await admin.end()
    } else {
      const admin = await mysql.createConnection(server.href)
      await admin.query(`CREATE DATABASE ${database}`)
      await admin.end()
    }
    server.pathname = `/${database}`
    return server.href
  }

  async close(): Promise<void> {
    const servers = await Promise.allSettled(this.#started.values())
    await Promise.all(servers.flatMap((each) => (each.status === 'fulfilled' ? [each.value.stop()] : [])))
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 10 })))
  }

  async #folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'waybill-crash-'))
    this.#folders.push(folder)
    return folder
  }

  #server(name: string): Promise<Server> {
    const known = this.#started.get(name)
    if (known !== undefined) return known
    const kind = SERVER_KINDS.find((each) => each.name === name)
    if (kind === undefined) throw new Error(`no such server: ${name}`)
    const missing = kind.missing()
    if (missing !== undefined) throw new Error(`${name} cannot be started: ${missing} is not installed`)
    const started = kind.start(undefined)
    this.#started.set(name, started)
    return started
  }
}
