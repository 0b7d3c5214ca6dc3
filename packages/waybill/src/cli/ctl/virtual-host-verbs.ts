import { columnsOf, requireColumns } from './ctl.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { orThrow } from './when-missing.ts'
import type { Verb } from './verb.ts'

const COLUMNS = columnsOf('name', 'tracing', 'description', 'tags', 'cluster_state', 'default_queue_type')

/** Virtual hosts. */
export const VIRTUAL_HOST_VERBS: readonly Verb[] = [
  {
    name: 'add_vhost',
    usage: '<vhost>',
    options: { description: { type: 'string' }, tags: { type: 'string' } },
    run: async (ctl, [name = '']) => {
      ctl.note(`Adding vhost "${name}" ...`)
      const { description, tags } = ctl.options.values
      await ctl.api.put(['vhosts', name], {
        ...(description === undefined ? {} : { description }),
        ...(tags === undefined ? {} : { tags }),
      })
    },
  },
  {
    name: 'delete_vhost',
    usage: '<vhost>',
    run: async (ctl, [name = '']) => {
      ctl.note(`Deleting vhost "${name}" ...`)
      const missing = new CtlError(EXIT.data, `Virtual host '${name}' does not exist`)
      await ctl.api.delete(['vhosts', name]).catch(orThrow(missing))
    },
  },
  {
    name: 'list_vhosts',
    usage: '[<column>…]',
    run: async (ctl, asked) => {
      requireColumns(COLUMNS, asked)
      ctl.note('Listing vhosts ...')
      ctl.table(await ctl.api.list('vhosts'), COLUMNS, asked, ['name'])
    },
  },
]
