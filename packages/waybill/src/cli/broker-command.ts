// `waybill broker`: the embedded broker in the foreground, for services on other machines and in other languages.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readAnnouncement } from '../broker/process/announcement-file.ts'
import { EXIT_USAGE, exitCodeOf } from '../broker/process/exit-code.ts'
import { processLog } from '../broker/process/process-log.ts'
import type { Door } from '../broker/process/run-broker.ts'
import { runUntilEnd, type Ended } from '../broker/process/run-until-end.ts'
import { isWaybillError, WaybillError } from '../message/errors.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { UsageError } from './usage-error.ts'

/** As they come from the command line. */
export interface BrokerOptions {
  readonly data: string
  readonly host: string
  readonly port: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
  readonly user?: string
  readonly managementPort?: string
}

/** A broker that is closing the folder is waited for so long. */
const LOCK_WAIT_MS = 3_000

/**
 * Serves a folder until SIGTERM or SIGINT, and returns the exit code.
 *
 * @param print gets one line when it is ready
 * @param complain gets one error
 * @param password of `--user`, from the environment: others may read a command line
 */
export async function serveFolder(
  options: BrokerOptions,
  password: string | undefined,
  print: (line: string) => void,
  complain: (text: string) => void,
): Promise<number> {
  try {
    const { end, exitCode } = await serve(options, doorOf(options, password), print)
    if (end.reason === 'failed') complain(end.error.message)
    if (end.reason === 'folder-gone') complain(`${options.data} was removed, and the broker ended`)
    return exitCode
  } catch (error) {
    if (error instanceof UsageError) {
      complain(error.message)
      return EXIT_USAGE
    }
    // A host that is not of this machine, a port that only root may take: the system's word for it is clear enough.
    if (!isWaybillError(error) && !(error instanceof Error && 'syscall' in error)) throw error
    complain(isWaybillError(error, 'WAYBILL_STORE_IN_USE') ? inUse(options.data, error) : error.message)
    return exitCodeOf(error)
  }
}

/** The holder may be a broker that services of the folder have started, of which nobody here knows. */
function inUse(data: string, error: WaybillError): string {
  const reading = readAnnouncement(resolve(data))
  if (reading.state !== 'announced') return error.message
  const { pid } = reading.announcement
  return new WaybillError('WAYBILL_STORE_IN_USE', `${data} is open in process ${pid}, which is a broker`, {
    cure: `Connect to that one, or end it: kill ${pid}. Services of this folder that still run start it again.`,
  }).message
}

function serve(options: BrokerOptions, door: Door, print: (line: string) => void): Promise<Ended> {
  const { data, host: address, managementPort } = options
  const dir = resolve(data)
  const runtime = systemRuntime()
  const log = processLog(dir, runtime)
  const management =
    managementPort === undefined
      ? {}
      : { management: { host: address, port: portOf('management-port', managementPort) } }
  const running = { dir, runtime, log, lockWaitMs: LOCK_WAIT_MS, door, ...management }
  return runUntilEnd(running, ({ front, managementFront }) => {
    const host = door.host === 'localhost' ? '127.0.0.1' : door.host
    const shownHost = host.includes(':') ? `[${host}]` : host
    const secure = door.tls === undefined ? '' : 's'
    print(`listening amqp${secure}://${shownHost}:${front}`)
    if (managementFront !== undefined) print(`management http${secure}://${shownHost}:${managementFront}`)
  })
}

/** @throws {UsageError} */
function portOf(option: string, text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`--${option} ${text} is no port`)
  return port
}

/** @throws {UsageError} */
function doorOf(options: BrokerOptions, password: string | undefined): Door {
  const port = portOf('port', options.port)
  const { host, user } = options
  const tls = tlsOf(options)
  const door = { host, port, ...(tls === undefined ? {} : { tls }) }
  if (user === undefined) return door
  if (password === undefined || password === '')
    throw new UsageError('--user needs its password in the environment, as WAYBILL_BROKER_PASSWORD')
  return { ...door, own: { user, password } }
}

/** @throws {UsageError} */
function tlsOf({ tlsCert, tlsKey, tlsCa }: BrokerOptions): Door['tls'] {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) throw new UsageError('TLS needs --tls-cert and --tls-key')
  const [cert, key] = [pem(tlsCert), pem(tlsKey)]
  return tlsCa === undefined ? { cert, key } : { cert, key, ca: pem(tlsCa) }
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
