// One life of the broker on a real folder: worker.ts <folder> <ledger file> <life>. It ends when it is killed.
import { openSync, writeSync } from 'node:fs'
import { openBroker } from '../../packages/waybill/src/broker/open-broker.ts'
import { seededRandom } from '../../packages/waybill/src/runtime/seeded-random.ts'
import { systemRuntime } from '../../packages/waybill/src/runtime/system-runtime.ts'
import { Workload } from './workload.ts'

const [folder = '', ledger = '', life = '0'] = process.argv.slice(2)
// Synchronous writes: what was written survives the process.
const fd = openSync(ledger, 'a')
const write = (lines: string): void => void writeSync(fd, lines)
try {
  const broker = await openBroker({ dir: folder, runtime: systemRuntime() })
  await new Workload(broker, Number(life), seededRandom(Number(life)), write).start()
} catch (error) {
  write(`x ${String(error).replaceAll('\n', ' ')}\n`)
}
// It outlives its work, but not who started it.
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(1)
}, 1_000)
