/** The CloudEvents type of the reply to a request of type `type`: `orders.quote` is answered by `orders.quote.reply`. */
export function replyType(type: string): string {
  return `${type}.reply`
}
