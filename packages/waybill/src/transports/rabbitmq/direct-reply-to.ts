/** What other clients ask by for a direct reply: it comes on the channel of the request. Waybill answers such requests. */
export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to'

/**
 * Whether a queue's name is the return address of a direct reply. The broker hands such a message on without a queue, so
 * it would return a mandatory one as unroutable although it delivers it.
 *
 * @see https://www.rabbitmq.com/docs/direct-reply-to#limitations
 */
export function isDirectReply(routingKey: string): boolean {
  return routingKey.startsWith(DIRECT_REPLY_TO)
}
