/** Why publishers are held back. */
export type BlockReason = 'memory' | 'log' | 'disk'

const TEXT: { readonly [reason in BlockReason]: string } = {
  memory: 'too many messages are in memory',
  log: 'the disk is slower than the publishers',
  disk: 'the disk is nearly full',
}

/** Whether publishers are held back, and why; several reasons may hold at once. */
export class PublisherGate {
  readonly #reasons = new Set<BlockReason>()
  readonly #onChange: (reason: string | undefined) => void

  /** @param onChange called with a reason when publishers are to stop, with `undefined` when they may go on */
  constructor(onChange: (reason: string | undefined) => void) {
    this.#onChange = onChange
  }

  /** The first of the reasons in words; `undefined` when publishers are free. */
  get reason(): string | undefined {
    for (const reason of this.#reasons) return TEXT[reason]
    return undefined
  }

  set(reason: BlockReason, blocked: boolean): void {
    const was = this.#reasons.size > 0
    if (blocked) this.#reasons.add(reason)
    else this.#reasons.delete(reason)
    const is = this.#reasons.size > 0
    if (was !== is) this.#onChange(this.reason)
  }
}
