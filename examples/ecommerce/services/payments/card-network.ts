export class CardDeclined extends Error {}

/** Stands in for a card network: cards that end in 0002 are declined. */
export async function charge(card: string, cents: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2))
  if (card.endsWith('0002')) throw new CardDeclined(`card declined for ${cents} cents`)
}
