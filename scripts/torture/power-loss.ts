import { openBrokerOn } from '../../packages/waybill/src/broker/open-broker.ts'
import { SimulatedDisk } from '../../packages/waybill/src/broker/store/simulated-files.ts'
import { systemRuntime } from '../../packages/waybill/src/runtime/system-runtime.ts'
import type { Ledger } from './ledger.ts'
import { Workload } from './workload.ts'

/** Of the event loop, each of which completes one operation of the disk or a few. */
const LONGEST_LIFE_TURNS = 250
/** Long enough for everything to be delivered, so that the ledger closes. */
const LAST_LIFE_TURNS = 2_000

/** Cuts the power of a broker under load on a simulated disk, which then loses what was not synced, sector by sector. */
export async function losePowerAgainAndAgain(runs: number, random: () => number, ledger: Ledger): Promise<void> {
  const disk = new SimulatedDisk({ random, later: (fn) => void setImmediate(fn) })
  for (let life = 0; life < runs && ledger.violations.length === 0; life++) {
    const lines: string[] = []
    const sizes = { segmentBytes: 1 << 20, firstSegmentBytes: 1 << 16, blockBytes: 1 << 16, cacheBytes: 1 << 18 }
    const broker = await openBrokerOn({ files: disk.files(), runtime: systemRuntime(), ...sizes, reserveBytes: 0 })
    let on = true
    const workload = new Workload(broker, life, random, (text) => {
      if (on) lines.push(...text.trimEnd().split('\n'))
    })
    await workload.start()
    for (let turns = life === runs - 1 ? LAST_LIFE_TURNS : random() * LONGEST_LIFE_TURNS; turns > 0; turns--)
      await new Promise((next) => setImmediate(next))
    disk.crash()
    on = false
    workload.stop()
    ledger.judge(lines)
  }
}
