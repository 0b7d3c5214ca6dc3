import type { Access, Login } from '../access/access.ts'
import { ownIdentity } from '../access/identity.ts'
import { isLoopback } from '../access/loopback.ts'
import { GUEST } from '../access/users.ts'
import { ManagementUser } from '../management/management-user.ts'
import type { Login as ManagementLogin } from '../management/request-answerer.ts'
import type { ServeOptions } from '../server/serve-broker.ts'
import { areEqualCredentials, type Credentials } from './credentials.ts'

type Authenticate = ServeOptions['authenticate']

/** Lets in the services of the folder, by its secret, to '/'. */
export function folderLogin(secret: Credentials): Authenticate {
  return (login) =>
    isLoopback(login.remoteAddress) && isBy(secret, login) ? ownIdentity(login.user, ['/']) : undefined
}

/**
 * Lets in the users of the folder, and one whom the process was given, who may do everything. Who gives one does not want
 * the user whose password everybody knows.
 */
export function doorLogin(access: Access, own: Credentials | undefined): Authenticate {
  return (login) => {
    if (own !== undefined && isBy(own, login)) return ownIdentity(own.user, 'all')
    return own !== undefined && login.user === GUEST ? undefined : access.authenticate(login)
  }
}

/** The same people in the management API, as far as their tags let them. */
export function managementLogin(authenticate: Authenticate): ManagementLogin {
  return async (user, password, remoteAddress) => {
    const identity = await authenticate({ user, by: { password }, remoteAddress })
    return identity && new ManagementUser(identity)
  }
}

/** Who can read the folder may manage everything; the users of the folder, as far as their tags let them. */
export function folderManagementLogin(access: () => Access, secret: Credentials): ManagementLogin {
  return managementLogin((login) =>
    isLoopback(login.remoteAddress) && isBy(secret, login)
      ? ownIdentity(login.user, 'all')
      : access().authenticate(login),
  )
}

function isBy(own: Credentials, { user, by }: Login): boolean {
  return by === 'certificate' ? user === own.user : areEqualCredentials(own, user, by.password)
}
