import type { Ctl } from './ctl.ts'

export interface Verb {
  readonly name: string
  /** How its arguments are shown; those in brackets may be missing. A last one with dots takes any number. */
  readonly usage: string
  /** Options of its own, with a value (`string`) or without. */
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>
  readonly run: (ctl: Ctl, args: readonly string[]) => Promise<void>
}

/** How many arguments the usage allows. */
export function arity({ usage }: Verb): { readonly least: number; readonly most: number } {
  const words = usage.split(' ').filter((word) => word !== '')
  const least = words.filter((word) => !word.startsWith('[')).length
  return { least, most: words.some((word) => word.includes('…')) ? Infinity : words.length }
}
