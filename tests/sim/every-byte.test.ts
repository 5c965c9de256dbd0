import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { good, typeOf, type Asked, type Behaviour } from './behaviour.ts'
import { Client } from './client.ts'
import { Dice } from './dice.ts'
import { endsOfEvents } from './invariants.ts'
import type { Ending, Move } from './sim-transport.ts'
import { run, whatIsLeft } from './simulation.ts'
import { forms, speak } from './speech.ts'
import { World } from './world.ts'

/** Texts that look like what ends a stream, and characters of several bytes. */
const words = [
  'Grüße 🙂 ',
  '"[DONE]"\n\ndata: [DONE]\n\n{"finish_reason":"stop","done":true}\n',
  ' 模型 event: message_stop ',
]

const yaml = `
backends:
  - { name: b0, url: "http://b0-v1/v1", protocol: any }
  - { name: b1, url: "http://b1-v1/v1", protocol: any }
models:
  m0:
    routes: [{ backend: b0, model: u0, priority: 1 }, { backend: b1, model: u0, priority: 2 }]
fallback: { cooldown_seconds: 0 }
`

/** The first bytes of the stream, then its end; cut at random, and byte by byte where it ends. */
function cutAt(bytes: Buffer, count: number, how: Ending['how'], form: StreamForm, dice: Dice): Behaviour {
  const places = new Set([0, count, ...Array.from({ length: dice.between(0, 4) }, () => dice.between(0, count))])
  for (let place = Math.max(0, count - dice.pick([0, 0, 12])); place < count; place += 1) places.add(place)
  const sorted = [...places].toSorted((one, other) => one - other)
  const moves: Move[] = []
  for (const [at, place] of sorted.entries()) {
    const next = sorted[at + 1]
    if (next !== undefined && next > place) moves.push({ afterMs: 0, bytes: bytes.subarray(place, next) })
  }
  const ending = { afterMs: 0, how }
  const script = { kind: 'answer', afterMs: 0, status: 200, headers: typeOf(form, true), moves, ending } as const
  return { name: `${how} behind byte ${count}`, isGood: false, script }
}

describe.each(forms.map((form) => ({ form })))('a $form stream', ({ form }) => {
  const { events, contentAt, endAt } = speak(form, { id: 'whole', words })
  const bytes = Buffer.from(events.join(''))
  const ends = endsOfEvents(form, bytes)
  const behind = (at: number): number => Buffer.byteLength(events.slice(0, at + 1).join(''))

  test.each<Ending['how']>(['reset', 'end', 'open'])(
    'with %s behind any byte: whole events, then an end in its own protocol, or another route’s answer',
    async (how) => {
      const dice = new Dice(form.length)
      const world = await World.open(1, {
        written: { yaml, aliases: ['m0'] },
        casting: (host, asked: Asked, client) =>
          host === 'b0'
            ? cutAt(bytes, client - 1, how, form, dice)
            : { name: 'good', isGood: true, script: good(asked, dice) },
      })
      const clients = Array.from({ length: bytes.length + 1 }, (_, at) => new Client(world, wishFor(at + 1, form)))
      expect(await run(world, clients)).toEqual([])
      expect((await whatIsLeft(world, clients)).slice(0, 5)).toEqual([])
      const outcomes = new Map(world.settled.map(({ id, outcome }) => [id, outcome]))
      for (const [count, { id = '' }] of clients.entries()) {
        const isTold = count < behind(contentAt) || count >= behind(endAt)
        const outcome = isTold ? 'complete' : how === 'open' ? 'stalled' : 'upstream_broke'
        // Without its blank line an event may count or not.
        const end = ends.find((place) => place >= count) ?? 0
        const lacksLineEnd = count < end && bytes.subarray(count, end).toString().trim() === ''
        if (!lacksLineEnd) expect([count, outcomes.get(id)]).toEqual([count, outcome])
      }
    },
  )
})

function wishFor(number: number, form: StreamForm): Client['wish'] {
  return {
    number,
    form,
    isStream: true,
    alias: 'm0',
    askMs: 0,
    reads: 'all',
    leavesAfterMs: undefined,
    leaving: { first: 'signal', gapMs: 0 },
    uploadMs: 0,
  }
}
