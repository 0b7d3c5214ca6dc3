import type { JsonObject } from '../../broker/wire/json.ts'
import type { Ctl } from './ctl.ts'
import { CtlError, EXIT } from './ctl-error.ts'
import { shownValue } from './erlang-term.ts'
import { type ManagementClient, RefusedRequest } from './management-client.ts'
import { orThrow, whenMissing } from './when-missing.ts'
import type { Verb } from './verb.ts'

/** Users, their passwords and tags. */
export const USER_VERBS: readonly Verb[] = [
  {
    name: 'add_user',
    usage: '<username> <password>',
    run: async (ctl, [name = '', password = '']) => {
      ctl.note(`Adding user "${name}" ...`)
      const existing = await ctl.api.get('users', name).catch(whenMissing(undefined))
      if (existing !== undefined) throw new CtlError(EXIT.software, `User "${name}" already exists`)
      await ctl.api.put(['users', name], { password, tags: '' })
      ctl.note('Done. The user has no permissions yet: see set_permissions.')
    },
  },
  {
    name: 'delete_user',
    usage: '<username>',
    run: async (ctl, [name = '']) => {
      ctl.note(`Deleting user "${name}" ...`)
      await ctl.api.delete(['users', name]).catch(noUser(name))
    },
  },
  {
    name: 'change_password',
    usage: '<username> <password>',
    run: async (ctl, [name = '', password = '']) => {
      ctl.note(`Changing password for user "${name}" ...`)
      const { tags } = await userOf(ctl, name)
      await ctl.api.put(['users', name], { password, tags: tags ?? '' })
    },
  },
  {
    name: 'set_user_tags',
    usage: '<username> [<tag>…]',
    run: async (ctl, [name = '', ...tags]) => {
      ctl.note(`Setting tags for user "${name}" to [${tags.join(', ')}] ...`)
      const { password_hash, hashing_algorithm } = await userOf(ctl, name)
      await ctl.api.put(['users', name], { password_hash, hashing_algorithm, tags: tags.join(',') })
    },
  },
  {
    name: 'list_users',
    usage: '',
    run: async (ctl) => {
      ctl.note('Listing users ...')
      const columns = { user: ({ name }: JsonObject) => name, tags: shownTags }
      ctl.table(await ctl.api.list('users'), columns, [], ['user', 'tags'])
    },
  },
  {
    name: 'authenticate_user',
    usage: '<username> <password>',
    run: async (ctl, [name = '', password = '']) => {
      ctl.note(`Authenticating user "${name}" ...`)
      if (!(await isPassword(ctl.api, name, password)))
        throw new CtlError(EXIT.data, `failed to authenticate user "${name}"`)
      ctl.note('Success')
    },
  },
]

/** Who has no tag is known, and may not ask. */
async function isPassword(api: ManagementClient, name: string, password: string): Promise<boolean> {
  try {
    await api.as(name, password).get('whoami')
    return true
  } catch (error) {
    if (!(error instanceof RefusedRequest) || error.status !== 401) throw error
    return error.reason !== 'Login failed'
  }
}

async function userOf({ api }: Ctl, name: string): Promise<JsonObject> {
  return api.get('users', name).catch(noUser(name))
}

function noUser(name: string): (error: unknown) => never {
  return orThrow(new CtlError(EXIT.noUser, `User "${name}" does not exist`))
}

function shownTags({ tags }: JsonObject): string {
  return `[${Array.isArray(tags) ? tags.join(', ') : shownValue(tags)}]`
}
