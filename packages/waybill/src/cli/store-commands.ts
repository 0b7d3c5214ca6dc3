import { inspectStore, repairStore, type StoreReport } from '../broker/store/inspect-and-repair.ts'
import { nodeFiles } from '../broker/store/node-files.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { existingFolder } from './existing-folder.ts'

/** Says what is in a data folder that no process has open; changes nothing. Returns the exit code: 1 for damage. */
export async function inspectFolder(dir: string, print: (line: string) => void): Promise<number> {
  const report = await inspectStore(await filesOf(dir))
  describe(report).forEach(print)
  if (report.damage.length > 0) print(`copy the folder, then run: npx waybill broker repair --data ${dir}`)
  return report.damage.length === 0 ? 0 : 1
}

/** Makes a damaged folder one that opens, and says what was lost. Returns the exit code. */
export async function repairFolder(dir: string, print: (line: string) => void): Promise<number> {
  const report = await repairStore({ files: await filesOf(dir), runtime: systemRuntime(), events: {} })
  describe(report).forEach(print)
  print(
    report.damage.length === 0
      ? 'nothing to repair'
      : 'repaired: everything that could be read has been kept; the damage above is lost',
  )
  return 0
}

async function filesOf(dir: string): ReturnType<typeof nodeFiles> {
  return nodeFiles(existingFolder(dir))
}

function describe({ segments, messages, definitions, clean, damage }: StoreReport): readonly string[] {
  return [
    ...segments.map(
      ({ file, bytes, usedBytes, liveBytes }) =>
        `${file}  ${bytes} bytes, ${usedBytes} used, ${liveBytes} of live messages`,
    ),
    `${messages} messages, ${definitions} definitions (exchanges, queues, bindings); ${clean ? 'closed cleanly' : 'not closed by its last process'}`,
    ...damage.map((each) => `DAMAGE ${each.file}: ${each.what}`),
  ]
}
