import { queueDefinition } from '../queue/queue-arguments.ts'
import { isReplyName } from '../direct-reply-to.ts'
import { entityName } from '../entity-name.ts'
import { ReplyError } from '../reply-error.ts'
import type { ByteReader } from '../wire/byte-reader.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import {
  readQueueBind,
  readQueueDeclare,
  readQueueDelete,
  readQueuePurge,
  readQueueUnbind,
  writeMessageCount,
  writeQueueDeclareOk,
  type QueueDeclare,
} from '../wire/methods/queue-methods.ts'
import type { ChannelContext } from './channel-context.ts'

export function declareQueue(context: ChannelContext, reader: ByteReader): void {
  const declare = readQueueDeclare(reader)
  if (declare.passive) return declarePassively(context, declare)
  const { queue: name, durable, exclusive, autoDelete } = declare
  const definition = queueDefinition(
    { name, durable, exclusive, autoDelete },
    declare.arguments,
    context.virtualHost.name,
  )
  context.stored(
    (done) => (context.lastQueue = context.virtualHost.declareQueue(definition, context.connection, done).name),
    () => {
      if (!declare.noWait) answerDeclare(context, context.lastQueue ?? name)
    },
  )
}

function declarePassively(context: ChannelContext, { queue, noWait }: QueueDeclare): void {
  const name = entityName(queue)
  const { connection, virtualHost } = context
  // The pseudo-queue of a reply's requester: whether it is alive.
  if (!isReplyName(name)) connection.queue(name).touch()
  else if (!virtualHost.directReplies.isAlive(name)) {
    throw new ReplyError(404, `no queue '${name}' in vhost '${virtualHost.name}'`)
  }
  context.lastQueue = name
  if (!noWait) answerDeclare(context, name)
}

function answerDeclare(context: ChannelContext, name: string): void {
  const queue = context.virtualHost.findQueue(name)
  const consumers = queue?.consumers ?? (isReplyName(name) ? 1 : 0)
  writeQueueDeclareOk(context.frames, context.number, name, queue?.ready ?? 0, consumers)
}

export function bindQueue(context: ChannelContext, reader: ByteReader): void {
  const { queue, exchange, routingKey, noWait, arguments: table } = readQueueBind(reader)
  const name = queueName(context, queue)
  const key = queue === '' && routingKey === '' ? name : routingKey
  context.stored(
    (done) => context.virtualHost.bind(context.connection, name, exchange, key, table, done),
    () => {
      if (!noWait) writePlain(context.frames, context.number, METHOD.queueBindOk)
    },
  )
}

export function unbindQueue(context: ChannelContext, reader: ByteReader): void {
  const { queue, exchange, routingKey, arguments: table } = readQueueUnbind(reader)
  const name = queueName(context, queue)
  const key = queue === '' && routingKey === '' ? name : routingKey
  context.stored(
    (done) => context.virtualHost.unbind(context.connection, name, exchange, key, table, done),
    () => writePlain(context.frames, context.number, METHOD.queueUnbindOk),
  )
}

export function purgeQueue(context: ChannelContext, reader: ByteReader): void {
  const { queue, noWait } = readQueuePurge(reader)
  let messages = 0
  context.stored(
    (done) =>
      context.connection.readable(queueName(context, queue)).purge((count) => {
        messages = count
        done(undefined)
      }),
    () => {
      if (!noWait) writeMessageCount(context.frames, context.number, METHOD.queuePurgeOk, messages)
    },
  )
}

export function deleteQueue(context: ChannelContext, reader: ByteReader): void {
  const { queue, ifUnused, ifEmpty, noWait } = readQueueDelete(reader)
  const name = queueName(context, queue)
  let messages = 0
  context.stored(
    (done) => (messages = context.virtualHost.deleteQueue(name, context.connection, { ifUnused, ifEmpty }, done)),
    () => {
      if (!noWait) writeMessageCount(context.frames, context.number, METHOD.queueDeleteOk, messages)
    },
  )
}

/**
 * An empty name is the queue that the channel declared last.
 *
 * @throws {ReplyError} 404 when it has declared none
 */
export function queueName(context: ChannelContext, name: string): string {
  if (name !== '') return name
  if (context.lastQueue === undefined) throw new ReplyError(404, 'no previously declared queue')
  return context.lastQueue
}
