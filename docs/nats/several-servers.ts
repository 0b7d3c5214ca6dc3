import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nats } from 'waybill'

/** @param folder where the platform mounts certificates and secrets */
export function severalServers(servers: readonly string[], folder: string) {
  const file = (name: string) => readFileSync(join(folder, name), 'utf8')
  return nats({
    servers, // ['tls://nats-a:4222', 'tls://nats-b:4222', 'tls://nats-c:4222']
    tls: { ca: file('authority.pem') }, // who vouches for the servers, where it is no public authority
    nkeySeed: file('shop.nk'), // or user and password, a token, or credentials
    connectionName: 'shop',
  })
}
