// How passwords are kept:
//
//   scrypt                          = base64( log2-of-N:octet salt:16octets key:32octets )      RFC 7914, r = 8, p = 1
//   rabbit_password_hashing_sha256  = base64( salt:4octets SHA-256( salt password ) )           as RabbitMQ has them, so
//   rabbit_password_hashing_sha512  = base64( salt:4octets SHA-512( salt password ) )           that they can be taken over
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { WaybillError } from '../../message/errors.ts'

export const ALGORITHMS = ['scrypt', 'rabbit_password_hashing_sha256', 'rabbit_password_hashing_sha512'] as const
export type PasswordAlgorithm = (typeof ALGORITHMS)[number]

export interface PasswordHash {
  readonly algorithm: PasswordAlgorithm
  readonly hash: string
}

/** 16 MiB of memory and some 50 ms for each guess. */
const COST = 14
const MOST_COST = 17
const SALT_OCTETS = 16
const KEY_OCTETS = 32
const RABBIT_SALT_OCTETS = 4
const RABBIT_DIGESTS: { readonly [algorithm in Exclude<PasswordAlgorithm, 'scrypt'>]: readonly [string, number] } = {
  rabbit_password_hashing_sha256: ['sha256', 32],
  rabbit_password_hashing_sha512: ['sha512', 64],
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_OCTETS)
  const key = await derive(password, salt, COST)
  return { algorithm: 'scrypt', hash: Buffer.concat([Buffer.of(COST), salt, key]).toString('base64') }
}

/** Of no password, to be compared with. */
export function hashOfNobody(): PasswordHash {
  const bytes = Buffer.concat([Buffer.of(COST), randomBytes(SALT_OCTETS + KEY_OCTETS)])
  return { algorithm: 'scrypt', hash: bytes.toString('base64') }
}

/** For a password that is no secret: takes no time. */
export function quickHash(password: string): PasswordHash {
  const salt = randomBytes(RABBIT_SALT_OCTETS)
  const digest = createHash('sha256').update(salt).update(password).digest()
  return { algorithm: 'rabbit_password_hashing_sha256', hash: Buffer.concat([salt, digest]).toString('base64') }
}

/** Compares in a time that does not depend on where they differ. */
export async function isPassword({ algorithm, hash }: PasswordHash, password: string): Promise<boolean> {
  const bytes = Buffer.from(hash, 'base64')
  if (algorithm === 'scrypt') {
    const [salt, key] = [bytes.subarray(1, 1 + SALT_OCTETS), bytes.subarray(1 + SALT_OCTETS)]
    return timingSafeEqual(key, await derive(password, salt, bytes[0] ?? COST))
  }
  const [salt, digest] = [bytes.subarray(0, RABBIT_SALT_OCTETS), bytes.subarray(RABBIT_SALT_OCTETS)]
  const [name] = RABBIT_DIGESTS[algorithm]
  return timingSafeEqual(digest, createHash(name).update(salt).update(password).digest())
}

/**
 * A hash that comes from elsewhere.
 *
 * @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` for an unknown algorithm, or a hash that is not of it
 */
export function readPasswordHash(algorithm: string, hash: string): PasswordHash {
  const known = ALGORITHMS.find((each) => each === algorithm)
  if (known === undefined) throw invalid(`passwords hashed by '${algorithm}'; known are ${ALGORITHMS.join(', ')}`)
  const bytes = Buffer.from(hash, 'base64')
  const octets =
    known === 'scrypt' ? 1 + SALT_OCTETS + KEY_OCTETS : RABBIT_SALT_OCTETS + (RABBIT_DIGESTS[known][1] ?? 0)
  if (bytes.length !== octets) throw invalid(`a hash of ${bytes.length} octets; ${algorithm} has ${octets}`)
  const cost = bytes[0] ?? 0
  if (known === 'scrypt' && (cost === 0 || cost > MOST_COST)) throw invalid(`a hash of scrypt with the cost 2^${cost}`)
  return { algorithm: known, hash }
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  const options = { N: 2 ** cost, r: 8, p: 1, maxmem: 256 * 2 ** cost * 8 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, KEY_OCTETS, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

function invalid(what: string): WaybillError {
  return new WaybillError('WAYBILL_INVALID_DEFINITION', what)
}
