// npm run bench -- rabbitmq|kafka|nats|redis|postgres|outbox|outbox-hot-key|embedded|bus|server|scale [rounds], postgres-reader [minutes]
const [what = '', rounds = '15'] = process.argv.slice(2)
const benches: Readonly<Record<string, (rounds: number) => Promise<void>>> = {
  rabbitmq: async (n) => (await import('./rabbitmq.bench.ts')).rabbitmqBench(n),
  kafka: async (n) => (await import('./kafka.bench.ts')).kafkaBench(n),
  nats: async (n) => (await import('./nats.bench.ts')).natsBench(n),
  redis: async (n) => (await import('./redis.bench.ts')).redisBench(n),
  postgres: async (n) => (await import('./postgres.bench.ts')).postgresBench(n),
  'postgres-reader': async (minutes) => (await import('./postgres-reader.bench.ts')).postgresReaderBench(minutes),
  outbox: async (n) => (await import('./outbox.bench.ts')).outboxBench(n),
  'outbox-hot-key': async (n) => (await import('./outbox-hot-key.bench.ts')).hotKeyBench(n),
  embedded: async (n) => {
    const { memoryBench, openBench, publishBench } = await import('./embedded-log.bench.ts')
    await publishBench(n)
    await openBench(1_000_000)
    await memoryBench(5_000_000)
  },
  server: async (n) => (await import('./server.bench.ts')).serverBench(n),
  scale: async (n) => (await import('./scale.bench.ts')).scaleBench(10_000_000, n),
  bus: async (n) => (await import('./bus.bench.ts')).busBench(n),
}
const bench = benches[what]
if (bench === undefined) {
  console.error(`which benchmark? ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
await bench(Number(rounds))
