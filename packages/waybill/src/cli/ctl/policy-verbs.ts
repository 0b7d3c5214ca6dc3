import { isJsonObject, type Json, type JsonObject } from '../../broker/wire/json.ts'
import { columnsOf } from './ctl.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { orThrow } from './when-missing.ts'
import type { Verb } from './verb.ts'

const NAMES = ['vhost', 'name', 'pattern', 'apply-to', 'definition', 'priority']

/** Policies. */
export const POLICY_VERBS: readonly Verb[] = [
  {
    name: 'set_policy',
    usage: '<name> <pattern> <definition>',
    options: { priority: { type: 'string' }, 'apply-to': { type: 'string' } },
    run: async (ctl, [name = '', pattern = '', text = '']) => {
      const { priority = '0', 'apply-to': applyTo = 'all' } = ctl.options.values
      ctl.note(
        `Setting policy "${name}" for pattern "${pattern}" to "${text}" with priority "${String(priority)}" for vhost "${ctl.vhost}" ...`,
      )
      const definition = definitionOf(text)
      if (!/^-?\d+$/.test(String(priority)))
        throw new CtlError(EXIT.usage, `--priority ${String(priority)} is no number`)
      const policy = { pattern, definition, priority: Number(priority), 'apply-to': applyTo }
      await ctl.api.put(['policies', ctl.vhost, name], policy)
    },
  },
  {
    name: 'clear_policy',
    usage: '<name>',
    run: async (ctl, [name = '']) => {
      ctl.note(`Clearing policy "${name}" on vhost "${ctl.vhost}" ...`)
      const missing = new CtlError(EXIT.unavailable, 'Parameter does not exist')
      await ctl.api.delete(['policies', ctl.vhost, name]).catch(orThrow(missing))
    },
  },
  {
    name: 'list_policies',
    usage: '',
    run: async (ctl) => {
      ctl.note(`Listing policies for vhost "${ctl.vhost}" ...`)
      const columns = { ...columnsOf(...NAMES), definition: ({ definition }: JsonObject) => JSON.stringify(definition) }
      ctl.table(await ctl.api.list('policies', ctl.vhost), columns, [], NAMES)
    },
  },
]

function definitionOf(text: string): JsonObject {
  let value: Json
  try {
    value = JSON.parse(text) as Json // JSON.parse makes nothing else
  } catch {
    value = null
  }
  if (!isJsonObject(value)) throw new CtlError(EXIT.data, `the definition is no JSON object: ${text}`)
  return value
}
