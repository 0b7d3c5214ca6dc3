import type { ByteReader } from '../wire/byte-reader.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { readExchangeBind, readExchangeDeclare, readExchangeDelete } from '../wire/methods/exchange-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import { entityName, requireNotDefault } from '../entity-name.ts'
import { exchangeDefinition } from '../exchange/exchange-arguments.ts'
import type { ChannelContext } from './channel-context.ts'

export function declareExchange(context: ChannelContext, reader: ByteReader): void {
  const declare = readExchangeDeclare(reader)
  const name = declare.exchange
  const answer = (): void => {
    if (!declare.noWait) writePlain(context.frames, context.number, METHOD.exchangeDeclareOk)
  }
  if (declare.passive) {
    requireNotDefault(name)
    context.virtualHost.requireExchange(entityName(name))
    return answer()
  }
  const { type, durable, autoDelete, internal } = declare
  const definition = exchangeDefinition(
    { name, type, durable, autoDelete, internal },
    declare.arguments,
    context.virtualHost.name,
  )
  context.stored((done) => context.virtualHost.declareExchange(definition, context.connection, done), answer)
}

export function deleteExchange(context: ChannelContext, reader: ByteReader): void {
  const { exchange, ifUnused, noWait } = readExchangeDelete(reader)
  context.stored(
    (done) => context.virtualHost.deleteExchange(exchange, context.connection, ifUnused, done),
    () => {
      if (!noWait) writePlain(context.frames, context.number, METHOD.exchangeDeleteOk)
    },
  )
}

export function bindExchange(context: ChannelContext, reader: ByteReader): void {
  const { destination, source, routingKey, noWait, arguments: table } = readExchangeBind(reader)
  context.stored(
    (done) => context.virtualHost.bindExchange(context.connection, destination, source, routingKey, table, done),
    () => {
      if (!noWait) writePlain(context.frames, context.number, METHOD.exchangeBindOk)
    },
  )
}

export function unbindExchange(context: ChannelContext, reader: ByteReader): void {
  const { destination, source, routingKey, noWait, arguments: table } = readExchangeBind(reader)
  context.stored(
    (done) => context.virtualHost.unbindExchange(context.connection, destination, source, routingKey, table, done),
    () => {
      if (!noWait) writePlain(context.frames, context.number, METHOD.exchangeUnbindOk)
    },
  )
}
