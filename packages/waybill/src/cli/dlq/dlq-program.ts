// The verbs of `waybill dlq` and their options, as the argument parser is told of them.
import type { Command } from 'commander'
import { systemRuntime } from '../../runtime/system-runtime.ts'
import { DLQ_EXIT, runDlq, type DlqCall, type DlqOutput, type DlqVerb } from '../dlq-command.ts'
import { interrupted } from '../interrupted.ts'
import { several, type DlqOptions } from './dlq-options.ts'

const HELP = `The group is named by --channel and --group, or by modules that export its service: then bodies are checked by their
contracts. Looking changes nothing, however often. What changes something wants --yes; without it, it says what it would do.

Exit codes:
  0   done
  1   not done, or not all of it: nothing found, refused, --yes is missing, interrupted
  64  wrong arguments, or a module that cannot be loaded
  69  the engine cannot be reached`

const VERBS: readonly (readonly [verb: DlqVerb, what: string, ...parts: ((command: Command) => Command)[]])[] = [
  ['list', 'a table of dead letters, oldest first', conditions, page],
  ['show', 'everything about one, its body too'],
  ['redrive', 'hand them to their group again, oldest first', selection, pace, record],
  ['remove', 'remove them for good', selection],
  ['purge', 'remove all of a group for good, parked ones too', purge],
  ['park', 'put them aside: redrive passes them over', selection, record],
  ['unpark', 'take parked ones back among the others', selection],
  ['edit', 'change one where it lies, and write down that it was', edit, record],
]

export function addDlq(waybill: Command, output: DlqOutput): void {
  const dlq = waybill
    .command('dlq')
    .description('the dead letters of a group: look, search, mend, redrive, park, remove')
  dlq.addHelpText('after', `\n${HELP}`)
  // Its verbs take it over.
  dlq.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : DLQ_EXIT.usage))
  for (const [verb, what, ...parts] of VERBS) {
    const command = dlq.command(verb).description(what)
    const hasId = verb === 'show' || verb === 'edit'
    if (hasId) command.argument('<id>', 'the id of the message')
    command.argument('[modules...]', 'files that export services: ./src/services.ts')
    target(command)
    for (const part of parts) part(command)
    command.action(async (...words: readonly unknown[]) => {
      // As declared above: the id where there is one, the modules, the options.
      const [id, files] = hasId ? (words as [string, string[]]) : [undefined, words[0] as string[]]
      const options = words[hasId ? 2 : 1] as DlqOptions
      await run({ verb, files, options, ...(id === undefined ? {} : { id }) }, output)
    })
  }
}

async function run(call: Pick<DlqCall, 'verb' | 'id' | 'files' | 'options'>, output: DlqOutput): Promise<void> {
  const environment = { url: process.env['WAYBILL_URL'], mode: process.env['NODE_ENV'], cwd: process.cwd() }
  const runtime = systemRuntime()
  const code = await runDlq({ ...call, environment, runtime, signal: interrupted() }, output)
  // What a module has begun, a timer for instance, must not keep the command waiting once everything is written.
  process.stdout.write('', () => process.exit(code))
}

function target(command: Command): Command {
  return command
    .option('--url <address>', 'the broker, or a data folder; default WAYBILL_URL, else as createBus()')
    .option('--channel <name>', 'the channel: a contract of events, or the name of a command')
    .option('--group <name>', 'the group: the service, where it has no other')
    .option('--kind <kind>', 'without modules: events (default), command, document, query, survey, reply')
    .option('--shards <number>', 'without modules: of a channel that has some')
    .option('--ordered', 'without modules: of a group that keeps order')
    .option('--foreign <name>', "without modules: the queue or exchange of an ordinary client's channel")
    .option('--json', 'for programs')
}

function conditions(command: Command): Command {
  return command
    .option('--id <id>', 'with this id; may be repeated, as those below', several)
    .option('--type <type>', 'of this message type', several)
    .option('--key <key>', 'of this key', several)
    .option('--reason <reason>', 'failed, malformed, unknown, rejected, expired, poison', several)
    .option('--error <name>', 'whose last error has this name or code', several)
    .option('--text <text>', 'with this text in an error')
    .option('--since <when>', 'that died then or later: 2026-05-01T12:00:00Z, or how long ago: 2h')
    .option('--before <when>', 'that died before then')
    .option('--parked', 'parked ones alone')
    .option('--no-parked', 'those that are not parked')
}

export function page(command: Command): Command {
  return command
    .option('--limit <number>', 'at most so many; default 100')
    .option('--after <cursor>', 'as the page before said')
}

function selection(command: Command): Command {
  return conditions(command)
    .option('--all', 'all of them')
    .option('--limit <number>', 'at most so many')
    .option('--dry-run', 'say what would be done')
    .option('--yes', 'do it')
}

function pace(command: Command): Command {
  return command
    .option('--rate <number>', 'messages per second; default no limit')
    .option('--force', 'also what the inbox of the group may have forgotten')
}

function record(command: Command): Command {
  return command
    .option('--by <name>', 'who does it, for the record; default the user of this machine')
    .option('--note <text>', 'why, for the record')
}

function purge(command: Command): Command {
  return command.option('--confirm <group>', 'the name of the group, once more')
}

function edit(command: Command): Command {
  return command
    .option('--body <file>', 'the new body; - is standard input')
    .option('--content-type <type>', 'of the new body, where it is another')
    .option('--schema-version <number>', 'of the new body, where it is another')
    .option('--header <name=value>', 'set a header; may be repeated', several)
    .option('--remove-header <name>', 'take one away; may be repeated', several)
    .option('--new-key <key>', 'the key')
    .option('--yes', 'do it')
}
