// npm run check   everything that needs no test: as many steps at a time as there are cores, each with its output in one piece
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** The longest first. */
const STEPS = ['format:check', 'lint', 'typecheck', 'knip', 'types:budget', 'layers', 'docs:check']

/** Its output, where it failed. */
async function run(step: string): Promise<string | undefined> {
  const child = spawn('npm', ['run', '--silent', step], { stdio: ['ignore', 'pipe', 'pipe'] })
  const pieces: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => void pieces.push(piece))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return code === 0 ? undefined : `\nnpm run ${step}\n${Buffer.concat(pieces).toString()}`
}

const left = [...STEPS]
async function worker(): Promise<void> {
  for (let step = left.shift(); step !== undefined; step = left.shift()) {
    const failure = await run(step)
    if (failure === undefined) continue
    process.stderr.write(failure)
    process.exitCode = 1
  }
}
await Promise.all(Array.from({ length: Math.min(STEPS.length, availableParallelism()) }, worker))
