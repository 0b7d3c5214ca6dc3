// One of the processes that move money, killed at any instant: teller.ts <transport> <database> <contract>
import { createBus, service, silentLogger } from 'waybill'
import { resolveTransport } from '../../packages/waybill/src/bus/settings/resolve-transport.ts'
import { openDatabase } from '../crash/databases.ts'
import { Accounts, bankContract } from './accounts.ts'

const [transportUrl = '', databaseUrl = '', name = ''] = process.argv.slice(2)
const database = await openDatabase(databaseUrl)
const accounts = new Accounts(database)
const bank = bankContract(name)
const { factory } = await resolveTransport({ url: transportUrl, mode: undefined, cwd: process.cwd() })
const { store } = database

const teller = service('teller', { store })
  .on(bank.transfer, async (transfer, ctx) => {
    await accounts.move(ctx.tx, 'debits', transfer)
    await ctx.send(bank.deposit, transfer)
  })
  .on(bank.deposit, (transfer, ctx) => accounts.move(ctx.tx, 'credits', transfer))

const bus = await createBus({ transport: factory, services: [teller], logger: silentLogger, outbox: { lease: '2s' } })
process.once('SIGTERM', () => void bus.drain().then(() => database.close()))
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// The bus alone keeps it alive.
process.channel?.unref()
process.send?.('ready')
