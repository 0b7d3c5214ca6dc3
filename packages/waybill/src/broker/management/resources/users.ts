import type { Access } from '../../access/access.ts'
import { hashPassword, readPasswordHash, type PasswordHash } from '../../access/password-hash.ts'
import type { User } from '../../access/users.ts'
import { badRequest, noSuchObject } from '../http/http-error.ts'
import type { JsonFields } from '../http/json-fields.ts'
import { CREATED, DONE, json, list, type Reply } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { ManagementContext } from '../management-context.ts'
import { byName } from '../show/by-name.ts'
import { userJson } from '../show/user-json.ts'
import { stored } from '../stored.ts'

/** What RabbitMQ takes a hash for that names no algorithm. */
const USUAL_ALGORITHM = 'rabbit_password_hashing_sha256'

/** Users: list, show, make, delete. */
export function userRoutes(context: ManagementContext): readonly Route[] {
  const access = (): Access => context.broker.access
  const options = { needs: 'administrator' } as const
  const listed = (which: readonly User[]): Reply => list(byName(which), ({ name }) => name, userJson)

  return [
    route('GET', '/api/users', () => listed(access().users.all()), options),
    route(
      'GET',
      '/api/users/without-permissions',
      () => {
        const permitted = new Set(
          access()
            .permissions.all()
            .map(({ user }) => user),
        )
        return listed(
          access()
            .users.all()
            .filter(({ name }) => !permitted.has(name)),
        )
      },
      options,
    ),
    route(
      'POST',
      '/api/users/bulk-delete',
      async (request) => {
        const fields = await request.body()
        fields.require('users')
        const names = fields.texts('users')
        const unknown = names.find((name) => access().users.get(name) === undefined)
        if (unknown !== undefined) throw badRequest(['no_such_user', unknown])
        await Promise.all(names.map((name) => stored((done) => access().users.delete(name, done))))
        return DONE
      },
      options,
    ),
    route(
      'GET',
      '/api/users/:user',
      ({ params }) => {
        const user = access().users.get(params.user)
        if (user === undefined) throw noSuchObject()
        return json(userJson(user))
      },
      options,
    ),
    route(
      'PUT',
      '/api/users/:user',
      async (request) => {
        const { user: name } = request.params
        const user = await readUser(name, await request.body())
        const isNew = access().users.get(name) === undefined
        await stored((done) => access().users.set(user, done))
        return isNew ? CREATED : DONE
      },
      options,
    ),
    route(
      'DELETE',
      '/api/users/:user',
      async ({ params }) => {
        if (access().users.get(params.user) === undefined) throw noSuchObject()
        await stored((done) => access().users.delete(params.user, done))
        return DONE
      },
      options,
    ),
  ]
}

/**
 * A user as the API and definitions files describe one. Without a password, or with an empty hash, only a certificate
 * lets them in.
 *
 * @throws {HttpError} 400
 * @throws {WaybillError} `WAYBILL_INVALID_DEFINITION` for a hash that is none
 */
export async function readUser(name: string, fields: JsonFields): Promise<User> {
  if (!fields.has('tags')) throw badRequest('tags_not_present')
  const password = await readPassword(fields)
  return { name, tags: fields.tags('tags'), ...(password === undefined ? {} : { password }) }
}

async function readPassword(fields: JsonFields): Promise<PasswordHash | undefined> {
  const [password, hash] = [fields.optionalText('password'), fields.optionalText('password_hash')]
  if (password !== undefined && hash !== undefined) throw badRequest('both_password_and_password_hash_are_provided')
  if (hash !== undefined && hash !== '')
    return readPasswordHash(fields.optionalText('hashing_algorithm') ?? USUAL_ALGORITHM, hash)
  return password === undefined || password === '' ? undefined : hashPassword(password)
}
