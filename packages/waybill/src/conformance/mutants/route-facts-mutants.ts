import type { Transport } from '../../transport/transport.ts'
import { tapped } from '../tapped-transport.ts'
import type { Mutant } from './mutant.ts'

const asking = (name: string, breaks: string, routeFacts: (good: Transport) => Transport['routeFacts']): Mutant => ({
  name,
  breaks: [breaks],
  infect: () => (good) => ({ ...tapped(good, {}), routeFacts: routeFacts(good) }),
})

export const routeFactsMutants: readonly Mutant[] = [
  asking('declares what it is asked about', 'facts/asking', (good) => async (group) => {
    await good.declare({ channels: [group.channel], groups: [group] })
    return await good.routeFacts(group)
  }),
  asking('knows the facts of nobody', 'facts/asking', () => () => Promise.reject(new Error('ask the documentation'))),
  asking('does not know how old a message may grow', 'facts/what', (good) => async (group) => {
    const facts = await good.routeFacts(group)
    return { ...facts, limits: { ...facts.limits, retentionMs: { value: NaN, source: 'read' } } }
  }),
  asking('loses what it has synced', 'facts/what', (good) => async (group) => {
    const facts = await good.routeFacts(group)
    const lossWindowMs = { value: 1, source: 'read' } as const
    return { ...facts, durability: { ...facts.durability, accepted: 'synced', lossWindowMs } }
  }),
]
