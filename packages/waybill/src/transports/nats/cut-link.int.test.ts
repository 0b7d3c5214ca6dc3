import { describeOwnNats } from '../../testing/servers/describe-own-nats.test-support.ts'
import { NatsServer } from '../../testing/servers/nats-server.ts'
import { testCutLink } from '../../testing/link-drill.test-support.ts'
import { connected } from './nats.test-support.ts'

describeOwnNats('a cut link on NATS', () => {
  testCutLink({
    start: () => NatsServer.start(),
    connect: (port) => connected({ servers: `nats://127.0.0.1:${port}` }),
  })
})
