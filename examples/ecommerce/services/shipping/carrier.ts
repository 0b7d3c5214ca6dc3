/** Stands in for a flaky carrier: every fifth order fails twice first, and no carrier takes an anvil. */
export async function bookParcel(orderId: string, sku: string, attempt: number): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 3))
  if (sku === 'anvil') throw new Error('no carrier takes an anvil')
  if (Number(orderId.split('-').at(-1)) % 5 === 0 && attempt <= 2) throw new Error('the carrier does not answer')
  return `parcel-${orderId}`
}
