import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { CommonError, CommonEvent, CommonResponse, Usage } from '#translate/common.ts'
import { EventWriter } from '#translate/event-writer.ts'
import { Fold } from '#translate/fold.ts'
import { Joint, type JointStream } from '#translate/joint.ts'
import { completionsClient } from '#translate/completions/client.ts'
import { UsageNote, UsageSum } from '#translate/usage-note.ts'
import { answerContext } from '../../support/answering.ts'

function response(texts: readonly string[], usage?: Usage, from = 0): CommonResponse {
  return {
    id: `id-${texts[0]}`,
    model: 'up',
    createdAt: 7,
    choices: texts.map((text, at) => ({
      index: from + at,
      parts: [{ kind: 'text', text }],
      finish: { reason: 'stop' },
    })),
    usage,
    tier: 'default',
    fingerprint: texts[0],
  }
}

const failed: CommonError = { kind: 'overloaded', status: 503, message: 'full' }

function streamInto(fold: Fold): JointStream {
  return {
    writer: new EventWriter(completionsClient.openWriter(answerContext()), 'completions'),
    last: fold,
    isSerial: false,
  }
}

describe('whole answers as one', () => {
  test('choices are numbered by request, in whatever order the answers come', () => {
    const joint = new Joint(2, [1, 1, 1])
    expect(joint.add(2, response(['e', 'f']))).toBeUndefined()
    expect([joint.lacks(0), joint.lacks(2), joint.isOver]).toEqual([true, false, false])
    expect(joint.add(0, response(['a', 'b']))).toBeUndefined()
    const whole = joint.add(1, response(['c', 'd']))
    expect(whole).toMatchObject({ id: 'id-a', tier: 'default', usage: undefined, fingerprint: undefined })
    expect(
      whole !== undefined && 'choices' in whole && whole.choices.map(({ index, parts }) => [index, parts]),
    ).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((text, at) => [at, [{ kind: 'text', text }]]))
    expect(joint.isOver).toBe(true)
  })

  test('more choices than were asked for are nobody’s', () => {
    const joint = new Joint(1, [1, 1])
    joint.add(0, response(['a', 'too much']))
    const whole = joint.add(1, response(['b']))
    expect(whole !== undefined && 'choices' in whole && whole.choices.map(({ index }) => index)).toEqual([0, 1])
  })

  test('an error is that of all, at once, and nothing comes after it', () => {
    const joint = new Joint(1, [1, 1, 1])
    joint.add(0, response(['a']))
    expect(joint.add(1, failed)).toBe(failed)
    expect(joint.isOver).toBe(true)
    expect(joint.add(2, response(['c']))).toBeUndefined()
  })

  test.each<{ name: string; told: (Usage | undefined)[]; sum: Usage | undefined }>([
    {
      name: 'all told: a sum of each number',
      told: [
        { input: 3, output: 2, cacheRead: 1 },
        { input: 4, output: 5, reasoning: 2 },
      ],
      sum: { input: 7, output: 7, cacheRead: 1, reasoning: 2 },
    },
    {
      name: 'one did not: what it used is estimated',
      told: [{ input: 3, output: 2 }, undefined],
      sum: { input: 3 + 50, output: 2 + 1 },
    },
    { name: 'nobody did: nothing is told', told: [undefined, undefined], sum: undefined },
  ])('usage, $name', ({ told, sum }) => {
    const joint = new Joint(1, [40, 50])
    joint.add(0, response(['abc'], told[0]))
    expect(joint.add(1, response(['def'], told[1]))).toMatchObject({ usage: sum })
  })
})

describe('streams as one', () => {
  function eventsOf(texts: readonly string[], usage: Usage): CommonEvent[] {
    return [
      { event: 'start', id: 'x', model: 'up', createdAt: 7 },
      { event: 'part_start', choice: 0, part: 0, head: { kind: 'text' } },
      ...texts.map((text): CommonEvent => ({ event: 'part_delta', choice: 0, part: 0, text })),
      { event: 'part_end', choice: 0, part: 0 },
      { event: 'usage', usage },
      { event: 'finish', choice: 0, finish: { reason: 'stop' } },
      { event: 'end' },
    ]
  }

  test('for every way of interleaving them, the whole is the same', () => {
    const part = fc.array(fc.string(), { maxLength: 4 })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.nat()), (parts, chances) => {
        const joint = new Joint(
          1,
          parts.map(() => 1),
        )
        const fold = new Fold()
        const stream = streamInto(fold)
        const queues = parts.map((texts, at) => ({
          sink: joint.sinkOf(at, stream),
          events: eventsOf(texts, { input: 1, output: at }),
        }))
        for (const chance of chances) {
          const open = queues.filter(({ events }) => events.length > 0)
          const chosen = open[chance % Math.max(1, open.length)]
          if (chosen === undefined) break
          expect(fold.isComplete).toBe(false)
          const event = chosen.events.shift()
          if (event !== undefined) chosen.sink.take(event)
        }
        const whole = fold.result()
        if (whole === undefined || !('choices' in whole)) throw new Error('It is not complete')
        const said = whole.choices.map(({ index, parts: told }) => [
          index,
          told.map((one) => 'text' in one && one.text).join(''),
        ])
        const spoken = parts.map((texts, at) => [at, texts.join('')])
        expect(said).toEqual(spoken)
        expect(whole.usage).toEqual({ input: parts.length, output: (parts.length * (parts.length - 1)) / 2 })
      }),
    )
  })

  test('nobody finishes before all have ended: no reader may take half of it for the whole', () => {
    const seen: CommonEvent[] = []
    const joint = new Joint(1, [1, 1])
    const stream = { ...streamInto(new Fold()), last: { take: (event: CommonEvent) => void seen.push(event) } }
    const first = joint.sinkOf(0, stream)
    for (const event of eventsOf(['a'], { input: 1 })) first.take(event)
    expect(seen.some(({ event }) => event === 'finish' || event === 'end' || event === 'usage')).toBe(false)
    expect([joint.lacks(0), joint.lacks(1), joint.isOver]).toEqual([false, true, false])
  })

  test('an error of one is the last that is said', () => {
    const fold = new Fold()
    const joint = new Joint(1, [1, 1])
    const stream = streamInto(fold)
    const [first, second] = [joint.sinkOf(0, stream), joint.sinkOf(1, stream)]
    first.take({ event: 'error', error: failed })
    for (const event of eventsOf(['b'], { input: 1 })) second.take(event)
    expect(fold.result()).toBe(failed)
    expect(joint.isOver).toBe(true)
  })
})

test('what was told of several is a sum, once all have told', () => {
  const notes = [new UsageNote(), new UsageNote()]
  const sum = new UsageSum(notes)
  notes[0]?.take({ input: 3, output: 2 })
  expect(sum.told).toBeUndefined()
  notes[1]?.take({ input: 4, output: 1, cacheRead: 2 })
  expect(sum.told).toEqual({ inputTokens: 7, outputTokens: 3, cachedTokens: 2 })
})
