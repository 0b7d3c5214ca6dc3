import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { endOf } from './ending.ts'

class Client extends EventEmitter {
  isOpen = true
  destroyed = 0

  destroy(): void {
    this.isOpen = false
    this.destroyed++
  }
}

test('a client whose socket is on the way is destroyed when that has come', () => {
  const client = new Client()
  const end = endOf(client)
  end()
  expect(client.destroyed).toBe(0)
  client.emit('connect')
  expect(client.destroyed).toBe(1)
})

test('one that is connected is destroyed at once, and once', () => {
  const client = new Client()
  const end = endOf(client)
  client.emit('connect')
  end()
  end()
  expect(client.destroyed).toBe(1)
})
