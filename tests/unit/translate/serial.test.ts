import { describe, expect, test } from 'bun:test'
import type { CommonEvent, PartHead } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { Serial } from '#translate/serial.ts'
import { commonEvents, EventLog, faultsOf } from '../../support/common-events.ts'

const text: PartHead = { kind: 'text' }
const call = (id: string, isCustom = false): PartHead => ({
  kind: 'tool_call',
  id,
  name: id,
  isCustom,
  tool: 'function',
})
const start = (part: number, head: PartHead): CommonEvent => ({ event: 'part_start', choice: 0, part, head })
const delta = (part: number, piece: string): CommonEvent => ({ event: 'part_delta', choice: 0, part, text: piece })
const end = (part: number): CommonEvent => ({ event: 'part_end', choice: 0, part })
const finish: CommonEvent = { event: 'finish', choice: 0, finish: { reason: 'stop' } }

/** As a line: `+0:a` begins a part, `0"…"` is a delta, `-0` ends it. */
function told(events: readonly CommonEvent[]): string {
  const log = new EventLog()
  const serial = new Serial(log)
  for (const event of events) serial.take(event)
  return log.events.map(inShort).join(' ')
}

function inShort(event: CommonEvent): string {
  if (event.event === 'part_start')
    return `+${event.part}:${event.head.kind === 'tool_call' ? event.head.id : event.head.kind}`
  if (event.event === 'part_delta') return `${event.part}"${event.text}"`
  if (event.event === 'part_end') return `-${event.part}`
  return event.event === 'error' ? `error:${event.error.code}` : event.event
}

describe('Serial', () => {
  test.each([
    {
      name: 'hands parts on that come one after the other',
      events: [start(0, text), delta(0, 'a'), end(0), start(1, call('A')), delta(1, '{}'), end(1), finish],
      says: '+0:text 0"a" -0 +1:A 1"{}" -1 finish',
    },
    {
      name: 'makes text that goes on behind a call a part of its own',
      events: [start(0, text), delta(0, 'a'), start(1, call('A')), delta(1, '{}'), delta(0, 'b'), finish],
      says: '+0:text 0"a" -0 +1:A 1"{}" -1 +2:text 2"b" -2 finish',
    },
    {
      name: 'ends a call whose arguments are whole when the next one begins (#17.4)',
      events: [
        start(0, call('A')),
        start(1, call('B')),
        delta(0, '{"a":'),
        delta(1, '{"b"'),
        delta(0, '1}'),
        delta(1, ':2}'),
        end(0),
        end(1),
        finish,
      ],
      says: '+0:A 0"{"a":" 0"1}" -0 +1:B 1"{"b"" 1":2}" -1 finish',
    },
    {
      name: 'lets a call wait, too, while nothing of the other one has come',
      events: [start(0, call('A')), start(1, call('B')), delta(1, '{}'), delta(0, '{}'), end(0), end(1), finish],
      says: '+0:A 0"{}" -0 +1:B 1"{}" -1 finish',
    },
    {
      name: 'drops what comes behind arguments that were whole',
      events: [
        start(0, call('A')),
        delta(0, '{}'),
        start(1, call('B')),
        delta(0, ' '),
        delta(0, 'x'),
        delta(1, '{}'),
        finish,
      ],
      says: '+0:A 0"{}" -0 +1:B 1"{}" -1 finish',
    },
    {
      name: 'is not misled by brackets in strings',
      events: [
        start(0, call('A')),
        delta(0, '{"a":"}\\"}'),
        start(1, call('B')),
        delta(1, '{}'),
        delta(0, '"}'),
        end(0),
        end(1),
        finish,
      ],
      says: '+0:A 0"{"a":"}\\"}" 0""}" -0 +1:B 1"{}" -1 finish',
    },
    {
      name: 'lets text wait for a call, since nobody could take that apart',
      events: [start(0, call('A')), delta(0, '{"a'), start(1, text), delta(1, 'now'), delta(0, '":1}'), finish],
      says: '+0:A 0"{"a" 0"":1}" -0 +1:text 1"now" -1 finish',
    },
    {
      name: 'waits for the end of free text, which nothing in it tells',
      events: [
        start(0, call('A', true)),
        delta(0, '{}'),
        start(1, call('B')),
        delta(1, '{}'),
        delta(0, 'more'),
        end(0),
        end(1),
        finish,
      ],
      says: '+0:A 0"{}" 0"more" -0 +1:B 1"{}" -1 finish',
    },
    {
      name: 'tells what waited even if the open call was cut',
      events: [
        start(0, call('A')),
        delta(0, '{"a'),
        start(1, call('B')),
        delta(1, '{}'),
        start(2, call('C')),
        delta(2, '{'),
        finish,
      ],
      says: '+0:A 0"{"a" -0 +1:B 1"{}" -1 +2:C 2"{" -2 finish',
    },
  ])('$name', ({ events, says }) => {
    expect(told(events)).toBe(says)
  })

  test('gives up when more waits for an open call than anybody should keep', () => {
    const events = [start(0, call('A')), delta(0, '{'), start(1, text)]
    for (let count = 0; count < 1100; count++) events.push(delta(1, 'x'.repeat(1000)))
    expect(told(events)).toEndWith('error:stream_malformed')
  })

  test('keeps choices apart', () => {
    const events: CommonEvent[] = [
      start(0, text),
      { event: 'part_start', choice: 1, part: 0, head: text },
      delta(0, 'a'),
      { event: 'part_delta', choice: 1, part: 0, text: 'b' },
    ]
    expect(told(events)).toBe('+0:text +0:text 0"a" 0"b"')
  })

  test('brings any stream in order, and changes nothing of what it says', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const events = commonEvents(seed, { choices: 3, interleaves: true, hasMeta: true })
      expect(faultsOf(events)).toEqual([])
      const log = new EventLog()
      const serial = new Serial(log)
      for (const event of events) serial.take(event)
      expect(faultsOf(log.events, true)).toEqual([])
      expect(folded(log.events)).toEqual(folded(events))
    }
  })
})

function folded(events: readonly CommonEvent[]): unknown {
  const fold = new Fold()
  for (const event of events) fold.take(event)
  return fold.result()
}
