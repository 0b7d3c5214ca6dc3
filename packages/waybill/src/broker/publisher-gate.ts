export type BlockReason = 'disk' | 'memory' | 'operator' | 'log'

/** Why publishers are held back, the gravest first. */
const BLOCKS: { readonly [reason in BlockReason]: Block } = {
  disk: { reason: 'the disk is nearly full', isAlarm: true },
  memory: { reason: 'too many messages are in memory', isAlarm: true },
  operator: { reason: 'the operator has set a low limit for memory', isAlarm: true },
  log: { reason: 'the disk is slower than the publishers', isAlarm: false },
}

export interface Block {
  /** In words. */
  readonly reason: string
  /** It may last, so that publishers are told; what is no alarm passes in moments. */
  readonly isAlarm: boolean
}

/** Whether publishers are held back, and why; several reasons may hold at once, of which the gravest is given. */
export class PublisherGate {
  readonly #reasons = new Set<BlockReason>()
  readonly #onChange: (block: Block | undefined) => void

  /** @param onChange called with a reason when publishers are to stop, or stop for another one; with `undefined` when they may go on */
  constructor(onChange: (block: Block | undefined) => void) {
    this.#onChange = onChange
  }

  /** `undefined` when publishers are free. */
  get block(): Block | undefined {
    for (const [reason, block] of Object.entries(BLOCKS)) if (this.#reasons.has(reason as BlockReason)) return block // its keys
    return undefined
  }

  /** What publishers are told about. */
  get alarms(): readonly BlockReason[] {
    return Array.from(this.#reasons).filter((reason) => BLOCKS[reason].isAlarm)
  }

  set(reason: BlockReason, blocked: boolean): void {
    if (this.#reasons.has(reason) === blocked) return
    const before = this.block
    if (blocked) this.#reasons.add(reason)
    else this.#reasons.delete(reason)
    if (before !== this.block) this.#onChange(this.block)
  }
}
