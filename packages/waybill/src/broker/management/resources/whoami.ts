import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'

/** Who asks. */
export function whoamiRoutes(): readonly Route[] {
  return [route('GET', '/api/whoami', ({ user: { name, tags } }) => json({ name, tags }))]
}
