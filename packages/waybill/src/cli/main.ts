#!/usr/bin/env node
// The `waybill` command. The argument parser is loaded here and nowhere else.
import { Command } from 'commander'
import { isWaybillError } from '../message/errors.ts'
import { inspectFolder, repairFolder } from './store-commands.ts'

const print = (line: string): void => console.log(line)

const waybill = new Command('waybill').description('Asynchronous messaging for TypeScript microservices')
const broker = waybill.command('broker').description("the embedded broker's data folder")
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

try {
  await waybill.parseAsync()
} catch (error) {
  if (!isWaybillError(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}
