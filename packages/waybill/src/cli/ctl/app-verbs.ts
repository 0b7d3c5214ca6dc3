import type { JsonObject } from '../../broker/wire/json.ts'
import type { Ctl } from './ctl.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import type { Verb } from './verb.ts'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  kB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
}

/** `rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}).`, by which test suites raise an alarm. */
const ALARM = /^\s*rabbit_alarm:(set|clear)_alarm\(.*resource_limit,\s*(memory|disk)\b.*\)\.?\s*$/s

/** The broker within its process: stopped, started, kept from taking publishes. */
export const APP_VERBS: readonly Verb[] = [
  {
    name: 'stop_app',
    usage: '',
    run: async (ctl) => {
      ctl.note('Stopping the broker ...')
      await ctl.api.put(['waybill', 'app'], { running: false })
    },
  },
  {
    name: 'start_app',
    usage: '',
    run: async (ctl) => {
      ctl.note('Starting the broker ...')
      await ctl.api.put(['waybill', 'app'], { running: true })
    },
  },
  {
    name: 'set_vm_memory_high_watermark',
    usage: '<fraction-or-absolute> [<limit>]',
    run: async (ctl, [first = '', second]) => {
      const limit = first === 'absolute' ? { bytes: bytesOf(second ?? '') } : { fraction: fractionOf(first) }
      ctl.note(`Setting memory threshold to ${second ?? first} ...`)
      await limitMemory(ctl, limit)
    },
  },
  {
    name: 'eval',
    usage: '<expression>',
    run: async (ctl, [expression = '']) => {
      const [, action] = ALARM.exec(expression) ?? []
      if (action === undefined)
        throw new CtlError(EXIT.usage, 'eval knows rabbit_alarm:set_alarm and clear_alarm alone')
      await limitMemory(ctl, { fraction: action === 'set' ? 0 : 1 })
      ctl.say('ok')
    },
  },
]

function limitMemory({ api }: Ctl, limit: JsonObject): Promise<void> {
  return api.put(['waybill', 'memory-limit'], limit)
}

function fractionOf(text: string): number {
  const fraction = Number(text)
  if (text.trim() === '' || !(fraction >= 0))
    throw new CtlError(EXIT.usage, `${text} is no part of the memory: 0.4, for instance`)
  return fraction
}

function bytesOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(text) ?? []
  const factor = UNITS[unit]
  if (digits === undefined || factor === undefined)
    throw new CtlError(EXIT.usage, `${text} is no size: 512MB, for instance`)
  return Number(digits) * factor
}
