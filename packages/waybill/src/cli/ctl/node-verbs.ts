import { shownValue } from './erlang-term.ts'
import type { Verb } from './verb.ts'

/** The broker itself. */
export const NODE_VERBS: readonly Verb[] = [
  {
    name: 'ping',
    usage: '',
    run: async (ctl) => {
      await ctl.api.get('whoami')
      ctl.note('Ping succeeded')
    },
  },
  {
    name: 'status',
    usage: '',
    run: async (ctl) => {
      const overview = await ctl.api.get('overview')
      const [node = {}] = await ctl.api.list('nodes')
      if (ctl.options.format === 'json') return ctl.say(JSON.stringify({ ...node, ...overview }))
      const { product_name: product, product_version: version, rabbitmq_version: like } = overview
      ctl.note(`Status of node ${shownValue(overview['node'])} ...`)
      ctl.say(`Product: ${shownValue(product)} ${shownValue(version)}, behaves like RabbitMQ ${shownValue(like)}`)
      ctl.say(`OS PID: ${shownValue(node['os_pid'])}`)
      ctl.say(`Uptime (seconds): ${Math.floor(Number(node['uptime']) / 1_000)}`)
      ctl.say(`Memory used: ${shownValue(node['mem_used'])} bytes`)
      ctl.say(`Alarms: ${alarmsOf(node).join(', ') || '(none)'}`)
      for (const [name, count] of Object.entries(overview['object_totals'] ?? {}))
        ctl.say(`${name}: ${shownValue(count)}`)
    },
  },
]

function alarmsOf(node: Readonly<Record<string, unknown>>): readonly string[] {
  return [...(node['mem_alarm'] === true ? ['memory'] : []), ...(node['disk_free_alarm'] === true ? ['disk'] : [])]
}
