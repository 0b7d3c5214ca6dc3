import { readFileSync } from 'node:fs'
import { postgres } from 'waybill'

/** @param authority the file of the certificate that vouches for the servers, where it is no public authority */
export function severalServers(url: string, authority: string) {
  return postgres({
    url, // 'postgres://shop:secret@db-a,db-b:5433/orders': tried in turn; a read-only standby counts as away
    tls: { ca: readFileSync(authority, 'utf8') },
    schema: 'shop_messages',
    applicationName: 'shop',
  })
}
