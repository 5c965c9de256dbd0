import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BoundedQueue } from '#kit/bounded-queue.ts'

describe('BoundedQueue', () => {
  test('gives values back in the order they came, important or not', () => {
    const queue = new BoundedQueue<number>({ countMax: 10, weightMax: 100 })
    for (const value of [1, 2, 3, 4, 5]) queue.push(value, 1, value % 2 === 0)
    expect(queue.take(100)).toEqual([1, 2, 3, 4, 5])
    expect(queue.count).toBe(0)
    expect(queue.weight).toBe(0)
  })

  test('take() stops at the weight and gives at least one', () => {
    const queue = new BoundedQueue<string>({ countMax: 10, weightMax: 1000 })
    queue.push('heavy', 500, false)
    queue.push('a', 10, false)
    queue.push('b', 10, false)
    expect(queue.take(20)).toEqual(['heavy'])
    expect(queue.take(20)).toEqual(['a', 'b'])
    expect(queue.take(20)).toEqual([])
  })

  test.each([
    { name: 'an unimportant newcomer is dropped', isImportant: false, left: [1, 2] },
    { name: 'an important newcomer pushes the oldest unimportant one out', isImportant: true, left: [2, 3] },
  ])('when full, $name', ({ isImportant, left }) => {
    const queue = new BoundedQueue<number>({ countMax: 2, weightMax: 100 })
    queue.push(1, 1, false)
    queue.push(2, 1, false)
    queue.push(3, 1, isImportant)
    expect(queue.take(100)).toEqual([...left])
    expect(queue.takeDropped()).toBe(1)
    expect(queue.takeDropped()).toBe(0)
  })

  test('an important newcomer is dropped when everything in it is important', () => {
    const queue = new BoundedQueue<number>({ countMax: 1, weightMax: 100 })
    queue.push(1, 1, true)
    queue.push(2, 1, true)
    expect(queue.take(100)).toEqual([1])
    expect(queue.takeDropped()).toBe(1)
  })

  test('a value above the weight limit gets into an empty queue only', () => {
    const queue = new BoundedQueue<number>({ countMax: 10, weightMax: 5 })
    queue.push(1, 50, false)
    queue.push(2, 1, false)
    expect(queue.take(100)).toEqual([1])
  })

  test('a value that stands for several counts as several, when it is dropped as well', () => {
    const queue = new BoundedQueue<string>({ countMax: 10, weightMax: 100 })
    queue.push('a', 1, false, 4)
    queue.push('b', 1, false, 4)
    queue.push('c', 1, false, 3)
    expect([queue.count, queue.takeDropped()]).toEqual([8, 3])
    queue.push('d', 1, true, 5)
    expect([queue.count, queue.takeDropped()]).toEqual([9, 4])
    expect(queue.take(100)).toEqual(['b', 'd'])
    expect(queue.count).toBe(0)
  })

  test('never exceeds its limits, loses nothing unnoticed and keeps the order', () => {
    const step = fc.oneof(
      fc.record({ weight: fc.integer({ min: 1, max: 9 }), isImportant: fc.boolean() }),
      fc.record({ take: fc.integer({ min: 1, max: 30 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new BoundedQueue<number>({ countMax: 8, weightMax: 40 })
        const out: number[] = []
        let pushed = 0
        let dropped = 0
        for (const each of steps) {
          if ('take' in each) out.push(...queue.take(each.take))
          else {
            pushed += 1
            queue.push(pushed, each.weight, each.isImportant)
          }
          dropped += queue.takeDropped()
          expect(queue.count).toBeLessThanOrEqual(8)
          expect(queue.weight).toBeLessThanOrEqual(40)
        }
        expect(out).toEqual(out.toSorted((a, b) => a - b))
        expect(out.length + queue.count + dropped).toBe(pushed)
      }),
    )
  })

  test('a long queue is emptied bit by bit without losing its place', () => {
    const queue = new BoundedQueue<number>({ countMax: 10_000, weightMax: 100_000 })
    for (let value = 0; value < 5000; value += 1) queue.push(value, 1, false)
    const out: number[] = []
    while (queue.count > 0) out.push(...queue.take(7))
    expect(out).toEqual(Array.from({ length: 5000 }, (_, index) => index))
  })
})
