import { describe, expect, test } from 'vitest'
import { LowWater } from './low-water.ts'

describe('LowWater', () => {
  test('the front is behind what was read, and never goes back', () => {
    const water = new LowWater(0)
    water.read(10)
    water.read(4)
    expect(water.front).toBe(11)
  })

  test('the water follows the lowest id seconds later, so that what is being committed is not passed', () => {
    const water = new LowWater(0)
    water.saw(100, 0)
    expect(water.low).toBe(0)
    water.saw(200, 4_999)
    expect(water.low).toBe(0)
    water.saw(300, 5_000)
    expect(water.low).toBe(100)
    expect(water.from(5_000)).toBe(100)
  })

  test('now and then a look begins at the very beginning', () => {
    const water = new LowWater(0)
    water.saw(100, 0)
    water.saw(200, 5_000)
    expect(water.from(14_999)).toBe(100)
    expect(water.from(15_000)).toBe(0)
    expect(water.from(15_001)).toBe(100)
  })

  test('a look from the water that took long is not made again soon', () => {
    const water = new LowWater(0)
    expect(water.isWaterDue(0)).toBe(true)
    water.looked(1_000, 1_050)
    expect(water.waterIn(1_100)).toBe(450)
    expect(water.isWaterDue(1_400)).toBe(false)
    expect(water.isWaterDue(1_550)).toBe(true)
  })
})
