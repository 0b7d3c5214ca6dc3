// SASL mechanisms, each of one response:
//
//   PLAIN    = [ authorization-identity ] NUL user NUL password      (RFC 4616)
//   AMQPLAIN = field-table without its length, with LOGIN and PASSWORD (AMQP 0-8)
//   EXTERNAL = [ authorization-identity ]                            (RFC 4422): who the client's certificate says it is
import type { Login } from '../access/access.ts'
import { ByteReader } from '../wire/byte-reader.ts'
import { readTable } from '../wire/field-table.ts'

/** @param certified the user whom a certificate names, where TLS has accepted one */
export function mechanisms(certified: string | undefined): string {
  return certified === undefined ? 'PLAIN AMQPLAIN' : 'PLAIN AMQPLAIN EXTERNAL'
}

/** `undefined` for a mechanism that was not offered, or a response that is not of it. */
export function readLogin(
  mechanism: string,
  response: Buffer,
  certified: string | undefined,
): Pick<Login, 'user' | 'by'> | undefined {
  if (mechanism === 'EXTERNAL') {
    const isMeant = certified !== undefined && ['', certified].includes(response.toString('utf8'))
    return isMeant ? { user: certified, by: 'certificate' } : undefined
  }
  if (mechanism === 'PLAIN') {
    const [identity, user, password, ...rest] = response.toString('utf8').split('\0')
    if (user === undefined || password === undefined || rest.length > 0) return undefined
    // Nobody acts for somebody else.
    return identity === '' || identity === user ? { user, by: { password } } : undefined
  }
  if (mechanism !== 'AMQPLAIN') return undefined
  const length = Buffer.alloc(4)
  length.writeUInt32BE(response.length)
  const { LOGIN: user, PASSWORD: password } = readTable(new ByteReader(Buffer.concat([length, response])))
  return typeof user === 'string' && typeof password === 'string' ? { user, by: { password } } : undefined
}
