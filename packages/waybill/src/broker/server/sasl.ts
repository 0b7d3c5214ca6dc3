// SASL mechanisms, each of one response:
//
//   PLAIN    = [ authorization-identity ] NUL user NUL password      (RFC 4616)
//   AMQPLAIN = field-table without its length, with LOGIN and PASSWORD (AMQP 0-8)
import { ByteReader } from '../wire/byte-reader.ts'
import { readTable } from '../wire/field-table.ts'

export const MECHANISMS = 'PLAIN AMQPLAIN'

export interface Login {
  readonly user: string
  readonly password: string
}

/** `undefined` for an unknown mechanism, or a response that is not of it. */
export function readLogin(mechanism: string, response: Buffer): Login | undefined {
  if (mechanism === 'PLAIN') {
    const [identity, user, password, ...rest] = response.toString('utf8').split('\0')
    if (user === undefined || password === undefined || rest.length > 0) return undefined
    // Nobody acts for somebody else.
    return identity === '' || identity === user ? { user, password } : undefined
  }
  if (mechanism !== 'AMQPLAIN') return undefined
  const length = Buffer.alloc(4)
  length.writeUInt32BE(response.length)
  const { LOGIN: user, PASSWORD: password } = readTable(new ByteReader(Buffer.concat([length, response])))
  return typeof user === 'string' && typeof password === 'string' ? { user, password } : undefined
}
