import type { JsonObject } from '../../broker/wire/json.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { shownValue } from './erlang-term.ts'
import { orThrow } from './when-missing.ts'
import type { Verb } from './verb.ts'

/** Connections are closed, queues emptied and deleted. */
export const OPERATION_VERBS: readonly Verb[] = [
  {
    name: 'close_connection',
    usage: '<pid-or-name> <explanation>',
    run: async (ctl, [connection = '', reason = '']) => {
      ctl.note(`Closing connection ${connection}, reason: ${reason}...`)
      await ctl.api.delete(['connections', connection], { 'x-reason': reason })
    },
  },
  {
    name: 'close_all_connections',
    usage: '<explanation>',
    options: { global: { type: 'boolean' } },
    run: async (ctl, [reason = '']) => {
      const { api, vhost } = ctl
      const isGlobal = ctl.options.values['global'] === true
      ctl.note(`Closing all connections ${isGlobal ? 'for all vhosts' : `in vhost ${vhost}`}, reason: ${reason}...`)
      const connections = await api.list(...(isGlobal ? ['connections'] : ['vhosts', vhost, 'connections']))
      await Promise.all(connections.map((each) => api.delete(['connections', nameOf(each)], { 'x-reason': reason })))
      ctl.note(`Closed ${connections.length} connections`)
    },
  },
  {
    name: 'delete_queue',
    usage: '<queue>',
    options: { 'if-empty': { type: 'boolean' }, 'if-unused': { type: 'boolean' } },
    run: async (ctl, [name = '']) => {
      ctl.note(`Deleting queue '${name}' on vhost '${ctl.vhost}' ...`)
      const { api, vhost } = ctl
      const { 'if-empty': ifEmpty = false, 'if-unused': ifUnused = false } = ctl.options.values
      const missing = new CtlError(EXIT.usage, 'Queue not found')
      const { messages_ready: ready = 0 } = await api.get('queues', vhost, name).catch(orThrow(missing))
      await api.delete(['queues', vhost, name], {}, { 'if-empty': ifEmpty, 'if-unused': ifUnused })
      ctl.note(`Queue was successfully deleted with ${shownValue(ready)} ready messages`)
    },
  },
  {
    name: 'purge_queue',
    usage: '<queue>',
    run: async (ctl, [name = '']) => {
      ctl.note(`Purging queue '${name}' in vhost '${ctl.vhost}' ...`)
      const missing = new CtlError(EXIT.unavailable, 'not_found')
      await ctl.api.delete(['queues', ctl.vhost, name, 'contents']).catch(orThrow(missing))
    },
  },
]

function nameOf({ name }: JsonObject): string {
  return shownValue(name)
}
