/** Where the replies to direct reply-to requests arrive. Its consumer and the requests share a channel. */
export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to'
