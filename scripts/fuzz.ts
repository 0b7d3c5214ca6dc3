// npm run fuzz -- [--minutes 1] [--seed n] [--learn]       in process, on virtual time
// npm run fuzz -- --sockets [--minutes 1] [--seed n]       a broker process, over the network
// npm run fuzz -- --play <file>                            conversations that were found, one to a line
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { unpackConversation } from '../packages/waybill/src/broker/server/fuzz/conversation.test-support.ts'
import { play } from '../packages/waybill/src/broker/server/fuzz/play.test-support.ts'
import { describeConversation } from './fuzz/describe.ts'
import { fuzzSockets } from './fuzz/sockets.ts'
import { search } from './fuzz/supervisor.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    learn: { type: 'boolean', default: false },
    sockets: { type: 'boolean', default: false },
    play: { type: 'string' },
  },
})
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz -- [--minutes n] [--seed n] [--learn | --sockets] | --play <file>')
  process.exit(2)
}
if (values.play !== undefined) await playAll(values.play)
else if (values.sockets) {
  console.log(`seed ${seed}, ${minutes} min, over the network`)
  process.exit((await fuzzSockets(minutes, seed)) ? 0 : 1)
} else {
  console.log(`seed ${seed}, ${minutes} min`)
  const findings = mkdtempSync(join(tmpdir(), 'waybill-fuzz-'))
  const isWell = await search({ minutes, seed, learn: values.learn, findings })
  if (isWell) rmdirSync(findings)
  process.exit(isWell ? 0 : 1)
}

async function playAll(file: string): Promise<void> {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue
    const conversation = unpackConversation(line)
    console.log(describeConversation(conversation))
    const { violations } = await play(conversation)
    console.log(violations.length === 0 ? 'all is well' : violations.join('\n'))
  }
}
