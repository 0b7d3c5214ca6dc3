// A service for the test of many that start at once: connects, publishes one message, says which broker it met, and ends.
import { createBus } from '../../bus/create-bus.ts'
import { silentLogger } from '../../bus/observation/logger.ts'
import { readAnnouncement } from '../../broker/process/announcement-file.ts'
import { contract, event, type } from '../../contract/contract.ts'
import { embedded } from '../embedded/embedded.ts'

const dir = process.argv[2] ?? ''
const things = contract('things', { happened: event(type<{ by: number }>()) })
const bus = await createBus({ transport: embedded({ dir, idleTimeout: '5s' }), logger: silentLogger, drainOn: [] })
await bus.publish(things.happened, { by: process.pid })
const reading = readAnnouncement(dir)
console.log(reading.state === 'announced' ? reading.announcement.instance : reading.state)
await bus.drain()
