import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { redis } from 'waybill'

/** @param folder where the platform mounts certificates and secrets */
export function severalAddresses(url: readonly string[], folder: string) {
  const file = (name: string) => readFileSync(join(folder, name), 'utf8')
  return redis({
    url, // ['rediss://redis-a:6379', 'rediss://redis-b:6379']: whichever is the master
    tls: { ca: file('authority.pem') }, // who vouches for the servers, where it is no public authority
    user: 'shop',
    password: file('shop.password').trim(),
    connectionName: 'shop',
  })
}
