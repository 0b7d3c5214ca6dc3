#!/usr/bin/env node
// The `waybill` command. The argument parser is loaded here and nowhere else.
import { Command } from 'commander'
import { EXIT_CODES_TEXT, EXIT_USAGE } from '../broker/process/exit-code.ts'
import { isWaybillError } from '../message/errors.ts'
import { systemRuntime } from '../runtime/system-runtime.ts'
import { serveFolder, type BrokerOptions } from './broker-command.ts'
import { runCtl } from './ctl-command.ts'
import { addDlq } from './dlq/dlq-program.ts'
import { EXPLAIN_EXIT, EXPLAIN_HELP, explainServices, type ExplainOptions } from './explain-command.ts'
import { exportFolder } from './export-command.ts'
import { addOutbox } from './outbox/outbox-program.ts'
import { migratePostgres } from './postgres-command.ts'
import { inspectFolder, repairFolder } from './store-commands.ts'
import { migrateStore } from './store-migrate-command.ts'
import { STORE_URLS } from './store-url.ts'

const print = (line: string): void => console.log(line)
const complain = (text: string): void => console.error(text)

const waybill = new Command('waybill')
  .description('Asynchronous messaging for TypeScript microservices')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
const broker = waybill.command('broker').description('the embedded broker, and its data folder')
const serve = broker
  .command('serve', { isDefault: true })
  .description('let AMQP 0-9-1 clients in; `waybill broker` alone does the same')
  .requiredOption('--data <folder>', 'the data folder, made when it is missing')
  .option('--port <number>', 'the port to listen on; 0 is any free one', '5672')
  .option('--host <address>', 'the address to listen on', 'localhost')
  .option('--tls-cert <file>', 'certificate (PEM): clients come in over TLS alone')
  .option('--tls-key <file>', 'its key (PEM)')
  .option('--tls-ca <file>', 'clients must show a certificate signed by this authority (PEM)')
  .option(
    '--user <name>',
    'a user besides those of the folder, who may do everything, with the password in WAYBILL_BROKER_PASSWORD; guest is not let in then',
  )
  .option('--management-port <number>', "the port for the HTTP API of RabbitMQ's management plugin; without it none")
  .addHelpText('after', `\n${EXIT_CODES_TEXT}`)
  .action(async (options: BrokerOptions) => {
    process.exit(await serveFolder(options, process.env['WAYBILL_BROKER_PASSWORD'], print, complain))
  })
// `waybill broker --help` is asked for the options of `serve`.
broker.addHelpText('after', () => `\n${serve.helpInformation()}`)
broker
  .command('inspect')
  .description('say what is in a data folder, and whether it is damaged; changes nothing')
  .requiredOption('--data <folder>', 'the data folder')
  .action(async ({ data }: { readonly data: string }) => void (process.exitCode = await inspectFolder(data, print)))
broker
  .command('repair')
  .description('keep everything that can still be read, and say what is lost; copy the folder first')
  .requiredOption('--data <folder>', 'the data folder')
  .action(async ({ data }: { readonly data: string }) => void (process.exitCode = await repairFolder(data, print)))
broker
  .command('export')
  .description('print everything that is declared, users too, as definitions that RabbitMQ imports; messages stay')
  .requiredOption('--data <folder>', 'the data folder')
  .action(({ data }: { readonly data: string }) => exportFolder(data, print, complain))

waybill
  .command('explain')
  .description('say what is promised for every message of your services, and refuse what cannot be kept')
  .argument('<modules...>', 'files that export services: ./src/services.ts')
  .option('--url <address>', 'the broker to ask, or a data folder; default WAYBILL_URL, else as createBus()')
  .option(
    '--assume <engine>',
    'ask nobody: embedded, kafka, nats, postgres, rabbitmq, redis, or with a version rabbitmq@4.0',
  )
  .option('--json', 'everything, in an order that does not change')
  .option('--check <file>', 'compare with an earlier --json, and say what changed')
  .addHelpText('after', `\n${EXPLAIN_HELP}`)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXPLAIN_EXIT.usage))
  .action(async (files: readonly string[], options: ExplainOptions) => {
    const environment = { url: process.env['WAYBILL_URL'], mode: process.env['NODE_ENV'], cwd: process.cwd() }
    const code = await explainServices(files, options, environment, { print, complain })
    // What a module has begun, a timer for instance, must not keep the command waiting once everything is written.
    process.stdout.write('', () => process.exit(code))
  })

addDlq(waybill, { print, complain })
addOutbox(waybill, { print, complain })

waybill
  .command('postgres')
  .description('the tables of the PostgreSQL transport')
  .command('migrate')
  .description('make them, or bring them up to date, as connecting does: for services whose user may not')
  .option('--url <address>', 'postgres://user:password@host/database?schema=…; default WAYBILL_URL')
  .action(({ url }: { readonly url?: string }) =>
    migratePostgres(url ?? process.env['WAYBILL_URL'], systemRuntime(), print),
  )

waybill
  .command('store')
  .description('the tables of inbox and outbox in your database')
  .command('migrate')
  .description('make them, or bring them up to date, as a bus does when it starts: for services whose user may not')
  .option('--url <address>', `${STORE_URLS}; default WAYBILL_STORE_URL`)
  .action(({ url }: { readonly url?: string }) =>
    migrateStore(url ?? process.env['WAYBILL_STORE_URL'], systemRuntime(), print),
  )

waybill
  .command('ctl')
  .description("rabbitmqctl's verbs, on a broker that runs: `waybill ctl list_queues --data <folder>`")
  .argument('[words...]', 'verb, arguments and options')
  .allowUnknownOption()
  .helpOption(false)
  .action(async (words: readonly string[]) => {
    process.exitCode = await runCtl(words, systemRuntime(), { print, complain })
  })

try {
  await waybill.parseAsync()
} catch (error) {
  if (!isWaybillError(error)) throw error
  complain(error.message)
  process.exitCode = EXIT_USAGE
}
