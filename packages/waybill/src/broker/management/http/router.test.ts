import { expect, test } from 'vitest'
import { DONE } from './reply.ts'
import { route } from './route.ts'
import { Router } from './router.ts'

const router = new Router([
  route('GET', '/api/users', () => DONE),
  route('GET', '/api/users/:name', () => DONE),
  route('PUT', '/api/users/:name', () => DONE),
  route('GET', '/api/users/without-permissions', () => DONE),
  route('GET', '/api/connections/:name/channels', () => DONE),
  route('GET', '/api/connections/username/:user', () => DONE),
  route('GET', '/api/connections/:name', () => DONE),
])

function found(method: string, path: string): unknown {
  const routing = router.find(method, path)
  return routing === undefined || 'allowed' in routing ? routing : [routing.route.pattern, routing.params]
}

test('Router gives the segments of a path, percent-decoded, by the names in the pattern', () => {
  expect(found('GET', '/api/users/a%2Fb%20%C3%A4')).toEqual(['/api/users/:name', { name: 'a/b ä' }])
  expect(found('GET', '/api/users/%2525')).toEqual(['/api/users/:name', { name: '%25' }])
  expect(found('GET', '/api/users/')).toEqual(['/api/users/:name', { name: '' }])
})

test('Router prefers a written segment, and goes back when it leads nowhere', () => {
  expect(found('GET', '/api/users/without-permissions')).toEqual(['/api/users/without-permissions', {}])
  expect(found('GET', '/api/connections/username/me')).toEqual(['/api/connections/username/:user', { user: 'me' }])
  expect(found('GET', '/api/connections/username')).toEqual(['/api/connections/:name', { name: 'username' }])
})

test('Router tells an unknown path from one with other methods', () => {
  expect(found('GET', '/api')).toBeUndefined()
  expect(found('GET', '/api/users/a/b')).toBeUndefined()
  expect(found('DELETE', '/api/users/a')).toEqual({ allowed: ['GET', 'PUT'] })
})

test('Router refuses a path that is no percent-encoded UTF-8', () => {
  expect(() => found('GET', '/api/users/%zz')).toThrow('400')
  expect(() => found('GET', '/api/users/%ff')).toThrow('400')
})
