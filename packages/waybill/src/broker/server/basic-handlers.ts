import { ReplyError } from '../reply-error.ts'
import type { ByteReader } from '../wire/byte-reader.ts'
import { ConnectionError } from '../wire/connection-error.ts'
import {
  readAck,
  readCancel,
  readConsume,
  readGet,
  readNack,
  readQos,
  readRecover,
  readReject,
  writeConsumerTag,
  writeGetEmpty,
  writeGetOk,
} from '../wire/methods/basic-methods.ts'
import { writePlain } from '../wire/methods/close-methods.ts'
import { METHOD } from '../wire/methods/method-ids.ts'
import type { ChannelContext } from './channel-context.ts'
import { countedProperties, DeliveryWriter } from './delivery-writer.ts'
import { queueName } from './queue-handlers.ts'
import type { Settling } from './transaction.ts'
import { REPLY_QUEUE } from '../direct-reply-to.ts'
import { readConsumerPriority } from '../queue/consumer-priority.ts'

export function qos(context: ChannelContext, reader: ByteReader): void {
  const { prefetchSize, prefetchCount, global } = readQos(reader)
  if (prefetchSize !== 0) throw new ConnectionError(540, 'prefetch_size!=0', METHOD.basicQos)
  if (global) {
    context.virtualHost.discouraged.globalPrefetch(context.virtualHost.name, context.session.user)
    context.channel.prefetch = prefetchCount
  } else context.prefetch = prefetchCount
  writePlain(context.frames, context.number, METHOD.basicQosOk)
}

export function consume(context: ChannelContext, reader: ByteReader): void {
  const { queue, consumerTag, noAck, exclusive, noWait, arguments: table } = readConsume(reader)
  const name = queueName(context, queue)
  const { consumersPerChannel } = context.session.limits
  if (context.channel.consumerCount >= consumersPerChannel) {
    const what = `reached maximum (${consumersPerChannel}) of consumers per channel`
    throw new ConnectionError(530, what, METHOD.basicConsume)
  }
  const tag = consumerTag === '' ? context.session.uniqueName('amq.ctag-') : consumerTag
  if (name === REPLY_QUEUE) context.replies.consume(tag, noAck)
  else {
    const from = context.connection.readable(name)
    const priority = readConsumerPriority(from.where, table)
    const countsDeliveries = from.definition.arguments.queueType === 'quorum'
    const receiver = new DeliveryWriter(context, { tag, countsDeliveries })
    context.channel.consume(
      name,
      { tag, noAck, exclusive, priority, prefetch: context.prefetch, arguments: table },
      receiver,
    )
  }
  if (!noWait) writeConsumerTag(context.frames, context.number, METHOD.basicConsumeOk, tag)
}

export function cancel(context: ChannelContext, reader: ByteReader): void {
  const { consumerTag, noWait } = readCancel(reader)
  if (!context.replies.cancelTag(consumerTag)) context.channel.cancel(consumerTag)
  if (!noWait) writeConsumerTag(context.frames, context.number, METHOD.basicCancelOk, consumerTag)
}

export function get(context: ChannelContext, reader: ByteReader): void {
  const { queue, noAck } = readGet(reader)
  const name = queueName(context, queue)
  const countsDeliveries = context.connection.readable(name).definition.arguments.queueType === 'quorum'
  context.retry(() => {
    const got = context.channel.get(name, noAck)
    if (got === 'loading') return false
    if (got === 'empty') {
      writeGetEmpty(context.frames, context.number)
      return true
    }
    const { exchange, routingKey, body } = got.message
    const properties = countedProperties(got.message.properties, countsDeliveries, got.deliveryCount)
    writeGetOk(context.frames, context.number, {
      deliveryTag: got.tag,
      redelivered: got.deliveryCount > 1,
      exchange,
      routingKey,
      messages: context.virtualHost.findQueue(name)?.ready ?? 0,
    })
    context.frames.content(context.number, properties, body, context.session.frameMax)
    return true
  })
}

export function ack(context: ChannelContext, reader: ByteReader): void {
  const { deliveryTag, multiple } = readAck(reader)
  settle(context, deliveryTag, multiple, 'ack')
}

export function nack(context: ChannelContext, reader: ByteReader): void {
  const { deliveryTag, multiple, requeue } = readNack(reader)
  settle(context, deliveryTag, multiple, requeue ? 'requeue' : 'reject')
}

export function reject(context: ChannelContext, reader: ByteReader): void {
  const { deliveryTag, requeue } = readReject(reader)
  settle(context, deliveryTag, false, requeue ? 'requeue' : 'reject')
}

/** At once, or in the channel's transaction. @throws {ReplyError} 406 for an unknown tag */
function settle({ channel, publisher }: ChannelContext, tag: number, multiple: boolean, how: Settling): void {
  const isKnown = publisher.transaction?.settle(tag, multiple, how) ?? channel[how](tag, multiple)
  if (!isKnown) throw new ReplyError(406, `unknown delivery tag ${tag}`)
}

export function recover(context: ChannelContext, reader: ByteReader): void {
  requeueAll(context, reader, METHOD.basicRecover)
  writePlain(context.frames, context.number, METHOD.basicRecoverOk)
}

export function recoverAsync(context: ChannelContext, reader: ByteReader): void {
  requeueAll(context, reader, METHOD.basicRecoverAsync)
}

function requeueAll(context: ChannelContext, reader: ByteReader, method: number): void {
  if (!readRecover(reader).requeue) throw new ConnectionError(540, 'requeue=false', method)
  const { transaction } = context.publisher
  if (transaction === undefined) context.channel.recover()
  else transaction.recover()
}
