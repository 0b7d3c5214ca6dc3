import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rabbitmq } from 'waybill'

/** @param folder where the platform mounts the certificates */
export function overTls(urls: readonly string[], folder: string, passphrase: string) {
  const pem = (name: string) => readFileSync(join(folder, name))
  return rabbitmq({
    urls, // ['amqps://user:password@rabbit-a/shop', 'amqps://user:password@rabbit-b/shop']
    tls: {
      ca: pem('authority.pem'), // who vouches for the broker, where it is no public authority
      cert: pem('client.pem'), // only where the broker asks who we are
      key: pem('client.key'),
      passphrase,
    },
    connectionName: 'shop',
  })
}
