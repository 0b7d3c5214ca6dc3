// `waybill ctl`: the verbs of rabbitmqctl, on a broker that runs. It asks the management API; the broker of a folder opens
// that for whoever can read the folder.
import { resolve } from 'node:path'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { defaultFolder } from '../bus/settings/default-folder.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { APP_VERBS } from './ctl/app-verbs.ts'
import { Ctl, type CtlOptions } from './ctl/ctl.ts'
import { CtlError, EXIT } from './ctl/ctl-error.ts'
import { DEFINITION_VERBS } from './ctl/definition-verbs.ts'
import { findManagement, managementAt } from './ctl/find-management.ts'
import { LIST_VERBS } from './ctl/list-verbs.ts'
import { ManagementClient, type ManagementAddress } from './ctl/management-client.ts'
import { NODE_VERBS } from './ctl/node-verbs.ts'
import { OPERATION_VERBS } from './ctl/operation-verbs.ts'
import { PERMISSION_VERBS } from './ctl/permission-verbs.ts'
import { POLICY_VERBS } from './ctl/policy-verbs.ts'
import { USER_VERBS } from './ctl/user-verbs.ts'
import { arity, type Verb } from './ctl/verb.ts'
import { VIRTUAL_HOST_VERBS } from './ctl/virtual-host-verbs.ts'

const VERBS: readonly Verb[] = [
  ...USER_VERBS,
  ...PERMISSION_VERBS,
  ...VIRTUAL_HOST_VERBS,
  ...POLICY_VERBS,
  ...LIST_VERBS,
  ...OPERATION_VERBS,
  ...DEFINITION_VERBS,
  ...NODE_VERBS,
  ...APP_VERBS,
]

/** Those of rabbitmqctl that mean nothing here are taken and passed over. */
const OPTIONS = {
  data: { type: 'string' },
  'management-url': { type: 'string' },
  vhost: { type: 'string', short: 'p' },
  quiet: { type: 'boolean', short: 'q' },
  silent: { type: 'boolean', short: 's' },
  'no-table-headers': { type: 'boolean' },
  formatter: { type: 'string' },
  node: { type: 'string', short: 'n' },
  timeout: { type: 'string', short: 't' },
  longnames: { type: 'boolean', short: 'l' },
} as const

export interface CtlOutput {
  readonly print: (line: string) => void
  readonly complain: (text: string) => void
}

/** Runs one verb; returns the exit code. */
export async function runCtl(
  args: readonly string[],
  runtime: Runtime,
  { print, complain }: CtlOutput,
): Promise<number> {
  try {
    const { values, positionals } = parsed(args)
    const [name, ...rest] = positionals
    const verb = VERBS.find((each) => each.name === name)
    if (verb === undefined) throw new CtlError(EXIT.usage, `name one of these:\n${VERBS.map(shown).join('\n')}`)
    const alien = Object.keys(values).find((option) => !(option in OPTIONS) && !(option in (verb.options ?? {})))
    if (alien !== undefined) throw new CtlError(EXIT.usage, `${verb.name} has no option --${alien}`)
    const { least, most } = arity(verb)
    if (rest.length < least || rest.length > most) {
      throw new CtlError(
        EXIT.usage,
        `${rest.length < least ? 'not enough' : 'too many'} arguments.\nUsage: ctl ${shown(verb)}`,
      )
    }
    const api = new ManagementClient(await addressOf(values, runtime))
    await verb.run(new Ctl(api, optionsOf(values), print), rest)
    return 0
  } catch (error) {
    if (!(error instanceof CtlError)) throw error
    complain(`Error:\n${error.message}`)
    return error.exitCode
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>

function parsed(args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.assign({}, OPTIONS, ...VERBS.map((verb) => verb.options)) as ParseArgsOptionsConfig, // each is one
      allowPositionals: true,
    })
    return { values: values as Values, positionals } // no option is given several times
  } catch (error) {
    throw new CtlError(EXIT.usage, error instanceof Error ? error.message : String(error))
  }
}

async function addressOf(values: Values, runtime: Runtime): Promise<ManagementAddress> {
  const { data, 'management-url': url } = values
  if (typeof url === 'string') return managementAt(url)
  return findManagement(typeof data === 'string' ? resolve(data) : defaultFolder(process.cwd(), false), runtime)
}

function optionsOf(values: Values): CtlOptions {
  const { vhost = '/', quiet, silent, formatter = 'table', 'no-table-headers': noHeaders } = values
  if (formatter !== 'table' && formatter !== 'json') throw new CtlError(EXIT.usage, `--formatter is table or json`)
  return {
    vhost: String(vhost),
    isQuiet: quiet === true || silent === true,
    hasHeaders: silent !== true && noHeaders !== true,
    format: formatter,
    values,
  }
}

function shown({ name, usage, options = {} }: Verb): string {
  const flags = Object.entries(options).map(([flag, { type }]) => `[--${flag}${type === 'string' ? ' <value>' : ''}]`)
  return [name, ...flags, usage].filter((word) => word !== '').join(' ')
}
