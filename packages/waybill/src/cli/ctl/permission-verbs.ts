import type { JsonObject } from '../../broker/wire/json.ts'
import type { Ctl } from './ctl.ts'
import { columnsOf } from './ctl.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { orThrow, whenMissing } from './when-missing.ts'
import type { Verb } from './verb.ts'

/** What users may do where. */
export const PERMISSION_VERBS: readonly Verb[] = [
  {
    name: 'set_permissions',
    usage: '<username> <configure> <write> <read>',
    run: async (ctl, [user = '', configure = '', write = '', read = '']) => {
      ctl.note(`Setting permissions for user "${user}" in vhost "${ctl.vhost}" ...`)
      await requireUser(ctl, user)
      await ctl.api.put(['permissions', ctl.vhost, user], { configure, write, read })
    },
  },
  {
    name: 'clear_permissions',
    usage: '<username>',
    run: async (ctl, [user = '']) => {
      ctl.note(`Clearing permissions for user "${user}" in vhost "${ctl.vhost}" ...`)
      await requireUser(ctl, user)
      await ctl.api.delete(['permissions', ctl.vhost, user]).catch(whenMissing(undefined))
    },
  },
  {
    name: 'list_permissions',
    usage: '',
    run: async (ctl) => {
      ctl.note(`Listing permissions for vhost "${ctl.vhost}" ...`)
      table(ctl, await ctl.api.list('vhosts', ctl.vhost, 'permissions'), ['user', 'configure', 'write', 'read'])
    },
  },
  {
    name: 'list_user_permissions',
    usage: '<username>',
    run: async (ctl, [user = '']) => {
      ctl.note(`Listing permissions for user "${user}" ...`)
      await requireUser(ctl, user)
      table(ctl, await ctl.api.list('users', user, 'permissions'), ['vhost', 'configure', 'write', 'read'])
    },
  },
  {
    name: 'set_topic_permissions',
    usage: '<username> <exchange> <write> <read>',
    run: async (ctl, [user = '', exchange = '', write = '', read = '']) => {
      ctl.note(`Setting topic permissions on "${exchange}" for user "${user}" in vhost "${ctl.vhost}" ...`)
      await requireUser(ctl, user)
      await ctl.api.put(['topic-permissions', ctl.vhost, user], { exchange, write, read })
    },
  },
  {
    name: 'clear_topic_permissions',
    usage: '<username> [<exchange>]',
    run: async (ctl, [user = '', exchange]) => {
      ctl.note(`Clearing topic permissions for user "${user}" in vhost "${ctl.vhost}" ...`)
      await requireUser(ctl, user)
      const path = ['topic-permissions', ctl.vhost, user, ...(exchange === undefined ? [] : [exchange])]
      await ctl.api.delete(path).catch(whenMissing(undefined))
    },
  },
  {
    name: 'list_topic_permissions',
    usage: '',
    run: async (ctl) => {
      ctl.note(`Listing topic permissions for vhost "${ctl.vhost}" ...`)
      table(ctl, await ctl.api.list('vhosts', ctl.vhost, 'topic-permissions'), ['user', 'exchange', 'write', 'read'])
    },
  },
  {
    name: 'list_user_topic_permissions',
    usage: '<username>',
    run: async (ctl, [user = '']) => {
      ctl.note(`Listing topic permissions for user "${user}" ...`)
      await requireUser(ctl, user)
      table(ctl, await ctl.api.list('users', user, 'topic-permissions'), ['vhost', 'exchange', 'write', 'read'])
    },
  },
]

function table(ctl: Ctl, rows: readonly JsonObject[], names: readonly string[]): void {
  ctl.table(rows, columnsOf(...names), [], names)
}

async function requireUser({ api }: Ctl, name: string): Promise<void> {
  await api.get('users', name).catch(orThrow(new CtlError(EXIT.noUser, `User ${name} does not exist`)))
}
