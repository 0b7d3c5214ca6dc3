// The verbs of `waybill outbox` and their options, as the argument parser is told of them.
import type { Command } from 'commander'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { several } from '../dlq/dlq-options.ts'
import { page } from '../dlq/dlq-program.ts'
import { interrupted } from '../interrupted.ts'
import { OUTBOX_EXIT, runOutbox, type OutboxOutput, type OutboxVerb } from '../outbox-command.ts'
import { STORE_URLS } from '../store-url.ts'
import type { OutboxOptions } from './outbox-options.ts'

const HELP = `A message that the broker has refused too often is parked: it waits for you, and messages of its key go on without it. What
changes something wants --yes; without it, it says what it would do. Bodies are shown by --body alone.

Exit codes:
  0   done
  1   not done, or not all of it: nothing found, refused, --yes is missing, interrupted
  64  wrong arguments
  69  the database cannot be reached, or is none`

const VERBS: readonly (readonly [verb: OutboxVerb, what: string, ...parts: ((command: Command) => Command)[]])[] = [
  ['status', 'what waits, by channel, and for how long; what is parked and scheduled; how many relays run'],
  ['list', 'a table of what is parked, oldest first', conditions, page],
  ['show', 'everything about one that is parked', one, body],
  ['unpark', 'let parked messages go on, oldest first, behind what waits', conditions, selection],
  ['remove', 'remove one that is parked for good, and write that down', one, record],
  ['removed', 'a table of what was removed, newest first', page],
]

export function addOutbox(waybill: Command, output: OutboxOutput): void {
  const outbox = waybill
    .command('outbox')
    .description('the outbox of a store: what waits, what is parked; let it go on, or remove it')
  outbox.addHelpText('after', `\n${HELP}`)
  // Its verbs take it over.
  outbox.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : OUTBOX_EXIT.usage))
  for (const [verb, what, ...parts] of VERBS) {
    const command = outbox.command(verb).description(what)
    const hasId = parts.includes(one)
    if (hasId) command.argument('[id]', 'the id of the message')
    command.option('--url <address>', `${STORE_URLS}; default WAYBILL_STORE_URL`)
    for (const part of parts) part(command)
    command.option('--json', 'for programs')
    command.action(async (...words: readonly unknown[]) => {
      // As declared above: the id where there may be one, the options.
      const id = hasId ? (words[0] as string | undefined) : undefined
      await run(verb, id, words[hasId ? 1 : 0] as OutboxOptions, output)
    })
  }
}

async function run(
  verb: OutboxVerb,
  id: string | undefined,
  options: OutboxOptions,
  output: OutboxOutput,
): Promise<void> {
  const url = options.url ?? process.env['WAYBILL_STORE_URL']
  const call = { verb, options, url, runtime: systemRuntime(), signal: interrupted() }
  process.exitCode = await runOutbox(id === undefined ? call : { ...call, id }, output)
}

function conditions(command: Command): Command {
  return command
    .option('--id <id>', 'with this id; may be repeated, as those below', several)
    .option('--position <number>', 'at this position', several)
    .option('--channel <name>', 'to this channel', several)
    .option('--type <type>', 'of this message type', several)
    .option('--key <key>', 'of this key', several)
    .option('--text <text>', 'with this text in the error')
    .option('--since <when>', 'that was parked then or later: 2026-05-01T12:00:00Z, or how long ago: 2h')
    .option('--before <when>', 'that was parked before then')
}

function selection(command: Command): Command {
  return command
    .option('--all', 'all of them')
    .option('--limit <number>', 'at most so many')
    .option('--force', 'also one of whose key an older one stays parked: it leaves before that one')
    .option('--dry-run', 'say what would be done')
    .option('--yes', 'do it')
}

function one(command: Command): Command {
  return command.option('--position <number>', 'the one at this position, where several have the id, or none', several)
}

function body(command: Command): Command {
  return command.option('--body', 'its body, too')
}

function record(command: Command): Command {
  return command
    .option('--by <name>', 'who does it, for the record; default the user of this machine')
    .option('--note <text>', 'why, for the record; needed')
    .option('--yes', 'do it')
}
