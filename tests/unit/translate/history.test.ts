import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Message, Part, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import { alternating, inOrder, splitSystem } from '#translate/history.ts'
import { Notes } from '#translate/notes.ts'

function call(id: string, name = 'get'): ToolCallPart {
  return { kind: 'tool_call', id, name, args: { raw: '{}' }, isCustom: false, tool: 'function' }
}

function result(callId: string, words = `of ${callId}`, name?: string): ToolResultPart {
  return { kind: 'tool_result', callId, name, parts: [text(words)], isError: false, isCustom: false }
}

function text(words: string): Part {
  return { kind: 'text', text: words }
}

function user(...parts: readonly Part[]): Message {
  return { role: 'user', parts, placement: 'inline' }
}

function assistant(...parts: readonly Part[]): Message {
  return { role: 'assistant', parts, placement: 'inline' }
}

function system(words: string, placement: 'top' | 'inline' = 'inline'): Message {
  return { role: 'system', parts: [text(words)], placement }
}

/** A history in short: `user(=a, hello)`, `assistant(a?)`. */
function short(messages: readonly Message[]): string {
  return messages.map((message) => `${message.role}(${message.parts.map(shortPart).join(', ')})`).join(' ')
}

function shortPart(part: Part): string {
  if (part.kind === 'text') return part.text
  if (part.kind === 'tool_call') return `${part.id}?`
  if (part.kind !== 'tool_result') return part.kind
  const told = part.parts.map(shortPart).join('')
  return told === `of ${part.callId}` ? `=${part.callId}` : `=${part.callId}:${told}`
}

const missing = '[llm-proxy] no result was provided for this call'

describe('inOrder() (§5.6)', () => {
  test.each([
    {
      name: 'results of several messages become one (#17.9)',
      from: [assistant(call('a'), call('b')), user(result('a')), user(result('b'))],
      to: 'assistant(a?, b?) user(=a, =b)',
    },
    {
      name: 'results stand in the order of their calls',
      from: [assistant(call('a'), call('b')), user(result('b')), user(result('a'))],
      to: 'assistant(a?, b?) user(=a, =b)',
    },
    {
      name: 'results stand in front of what else the user says',
      from: [assistant(call('a')), user(text('well'), result('a'))],
      to: 'assistant(a?) user(=a, well)',
    },
    {
      name: 'what the user says next stands in the same message',
      from: [assistant(call('a')), user(result('a')), user(text('go on')), user(text('now'))],
      to: 'assistant(a?) user(=a, go on) user(now)',
    },
    {
      name: 'a result behind other messages is moved up',
      from: [assistant(call('a')), user(text('wait')), assistant(text('waiting')), user(result('a'))],
      to: 'assistant(a?) user(=a, wait) assistant(waiting)',
    },
    {
      name: 'a system message between a call and its result comes after both',
      from: [assistant(call('a')), system('be brief'), user(result('a'))],
      to: 'assistant(a?) user(=a) system(be brief)',
    },
    {
      name: 'calls that are told one by one belong to one turn',
      from: [assistant(text('so'), call('a')), assistant(call('b')), user(result('b')), user(result('a'))],
      to: 'assistant(so, a?, b?) user(=a, =b)',
    },
    {
      name: 'calls with a result between them belong to two turns',
      from: [assistant(call('a')), user(result('a')), assistant(call('b')), user(result('b'))],
      to: 'assistant(a?) user(=a) assistant(b?) user(=b)',
    },
    {
      name: 'an id that comes in every turn is told apart',
      from: [
        assistant(call('call_0')),
        user(result('call_0', 'one')),
        assistant(call('call_0')),
        user(result('call_0', 'two')),
        assistant(call('call_0')),
        user(result('call_0', 'three')),
      ],
      to:
        'assistant(call_0?) user(=call_0:one) assistant(call_0_2?) user(=call_0_2:two) ' +
        'assistant(call_0_3?) user(=call_0_3:three)',
    },
    {
      name: 'an id that comes twice in a turn is told apart, in order',
      from: [assistant(call('a'), call('a')), user(result('a', 'one'), result('a', 'two'))],
      to: 'assistant(a?, a_2?) user(=a:one, =a_2:two)',
    },
    {
      name: 'an id that looks like one that was made is told apart, too',
      from: [assistant(call('a'), call('a'), call('a_2')), user(result('a'), result('a', 'x'), result('a_2', 'y'))],
      to: 'assistant(a?, a_2?, a_2_2?) user(=a, =a_2:x, =a_2_2:y)',
    },
    {
      name: 'results go to the nearest call in front of them',
      from: [assistant(call('a')), user(text('no')), assistant(call('a')), user(result('a', 'two'))],
      to: `assistant(a?) user(=a:${missing}, no) assistant(a_2?) user(=a_2:two)`,
      codes: ['adapted:missing_tool_result'],
    },
    {
      name: 'results without an id are bound by name, in order',
      from: [
        assistant(call('', 'get'), call('', 'put'), call('', 'get')),
        user(result('', '1', 'get'), result('', '2', 'get'), result('', '3', 'put')),
      ],
      to: 'assistant(call_1?, call_2?, call_3?) user(=call_1:1, =call_2:3, =call_3:2)',
    },
    {
      name: 'results without an id are bound by name where calls have ids',
      from: [assistant(call('a', 'get'), call('b', 'put')), user(result('', '1', 'put'), result('', '2', 'get'))],
      to: 'assistant(a?, b?) user(=a:2, =b:1)',
    },
    {
      name: 'results with neither an id nor a name are bound in order',
      from: [assistant(call('a', 'get'), call('b', 'put')), user(result('', '1'), result('', '2'))],
      to: 'assistant(a?, b?) user(=a:1, =b:2)',
    },
    {
      name: 'a result with an id is bound by name where its call has none',
      from: [assistant(call('', 'get')), user(result('x', '1', 'get'))],
      to: 'assistant(call_1?) user(=call_1:1)',
    },
    {
      name: 'a result without a call is dropped',
      from: [user(text('hi'), result('x'))],
      to: 'user(hi)',
      codes: ['adapted:orphan_tool_result'],
    },
    {
      name: 'a message of nothing but results without calls is left out',
      from: [user(text('hi')), user(result('x')), assistant(text('so'))],
      to: 'user(hi) assistant(so)',
      codes: ['adapted:orphan_tool_result'],
    },
    {
      name: 'a result in front of its call is none of it',
      from: [user(result('a')), assistant(call('a'))],
      to: `assistant(a?) user(=a:${missing})`,
      codes: ['adapted:orphan_tool_result', 'adapted:missing_tool_result'],
    },
    {
      name: 'a second result of one call is dropped',
      from: [assistant(call('a')), user(result('a'), result('a', 'again'))],
      to: 'assistant(a?) user(=a)',
      codes: ['adapted:orphan_tool_result'],
    },
    {
      name: 'a missing result is made up',
      from: [assistant(call('a'), call('b')), user(result('b'))],
      to: `assistant(a?, b?) user(=a:${missing}, =b)`,
      codes: ['adapted:missing_tool_result'],
    },
    {
      name: 'missing results at the end are made up',
      from: [user(text('hi')), assistant(call('a'))],
      to: `user(hi) assistant(a?) user(=a:${missing})`,
      codes: ['adapted:missing_tool_result'],
    },
    {
      name: 'a history without tools stays as it is',
      from: [system('s'), user(text('a')), user(text('b')), assistant(text('c')), assistant(text('d'))],
      to: 'system(s) user(a) user(b) assistant(c) assistant(d)',
    },
  ])('$name', ({ from, to, codes = [] }: { from: readonly Message[]; to: string; codes?: readonly string[] }) => {
    const notes = new Notes()
    const ordered = inOrder(from, true, notes)
    expect(short(ordered)).toBe(to)
    expect(notes.codes).toEqual([...codes])
    expect(inOrder(ordered, false, new Notes())).toEqual(ordered)
  })

  test('a result that is made up is an error', () => {
    const [, results] = inOrder([assistant(call('a'))], true, new Notes())
    expect(results?.parts[0]).toMatchObject({ callId: 'a', isError: true, name: 'get' })
  })

  test('results know the name, the namespace and the kind of their calls', () => {
    const custom: ToolCallPart = { ...call('a', 'patch'), namespace: 'files', isCustom: true }
    const [, results] = inOrder([assistant(custom), user(result('a'))], true, new Notes())
    expect(results?.parts[0]).toMatchObject({ name: 'patch', namespace: 'files', isCustom: true })
  })

  test('a message of the user that says more of itself stays its own', () => {
    const named: Message = { ...user(text('hi')), name: 'ann' }
    expect(short(inOrder([assistant(call('a')), user(result('a')), named], true, new Notes()))).toBe(
      'assistant(a?) user(=a) user(hi)',
    )
  })

  test.each([
    { name: 'a result without a call', from: [user(result('x'))], says: '"x"' },
    { name: 'a call without a result', from: [assistant(call('y'))], says: '"y"' },
  ])('$name is rejected where nothing is repaired', ({ from, says }) => {
    const notes = new Notes()
    inOrder(from, false, notes)
    expect(notes.rejection?.message).toContain(says)
  })

  test('placement is mended even where nothing is repaired', () => {
    const notes = new Notes()
    const from = [assistant(call('a'), call('b')), user(result('b')), user(text('x')), user(result('a'))]
    expect(short(inOrder(from, false, notes))).toBe('assistant(a?, b?) user(=a, =b, x)')
    expect(notes.rejection).toBeUndefined()
  })

  test('a beginning stays the same while a history grows', () => {
    const turns = Array.from({ length: 4 }, (_, turn) => [
      user(text(`ask ${turn}`)),
      assistant(call('call_0'), call('')),
      user(result('call_0'), result('', 'x', 'get')),
    ]).flat()
    const whole = inOrder(turns, true, new Notes())
    for (let length = 3; length < turns.length; length += 3) {
      const part = inOrder(turns.slice(0, length), true, new Notes())
      expect(short(whole)).toStartWith(short(part.slice(0, -1)))
    }
  })

  test('a hundred thousand calls of one id are ordered in no time', () => {
    const many = Array.from({ length: 100_000 })
    const from = [assistant(...many.map(() => call('a'))), user(...many.map(() => result('a')))]
    expect(inOrder(from, true, new Notes())[1]?.parts).toHaveLength(100_000)
    const apart = many.flatMap(() => [assistant(call('')), user(text('x'))])
    expect(inOrder([...apart, user(result('', '', 'none'))], true, new Notes())).toHaveLength(200_000)
  })
})

const ids = fc.constantFrom('', 'a', 'b', 'a_2', 'call_1')
const names = fc.constantFrom('get', 'put')
const histories = fc.array(
  fc.oneof(
    fc
      .array(
        fc.oneof(
          fc.tuple(ids, names).map(([id, name]) => call(id, name)),
          fc.string().map(text),
        ),
      )
      .map((parts) => assistant(...parts)),
    fc
      .array(
        fc.oneof(
          fc
            .tuple(ids, fc.option(names, { nil: undefined }), fc.uuid())
            .map(([id, name, words]) => result(id, words, name)),
          fc.string().map(text),
        ),
      )
      .map((parts) => user(...parts)),
    fc.string().map((words) => system(words)),
  ),
  { maxLength: 12 },
)

describe('inOrder(), whatever the history', () => {
  test('once is as much as twice', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const once = inOrder(history, true, new Notes())
        const notes = new Notes()
        expect(inOrder(once, false, notes)).toEqual(once)
        expect(notes.rejection).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })

  test('nothing is lost but orphans, and behind calls stand their results', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const ordered = inOrder(history, true, new Notes())
        const before = history.flatMap(({ parts }) => parts)
        const after = ordered.flatMap(({ parts }) => parts)
        for (const kind of ['text', 'tool_call'] as const) {
          const said = after.filter((part) => part.kind === kind).map(withoutId)
          expect(said).toEqual(before.filter((part) => part.kind === kind).map(withoutId))
        }
        const calls = after.filter((part) => part.kind === 'tool_call').map(({ id }) => id)
        expect(new Set(calls).size).toBe(calls.length)
        for (const [index, message] of ordered.entries()) {
          const own = message.parts.filter((part) => part.kind === 'tool_call').map(({ id }) => id)
          const next = ordered[index + 1]?.parts.filter((part) => part.kind === 'tool_result') ?? []
          if (message.role === 'assistant') expect(next.map(({ callId }) => callId)).toEqual(own)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

function withoutId(part: Part): Part {
  return part.kind === 'tool_call' ? { ...part, id: '' } : part
}

describe('alternating() (§5.2)', () => {
  test('neighbours of one role become one message, in order', () => {
    const from = [user(text('a')), user(text('b')), assistant(text('c')), assistant(text('d')), user(text('e'))]
    expect(short(alternating(from))).toBe('user(a, b) assistant(c, d) user(e)')
    expect(short(from)).toBe('user(a) user(b) assistant(c) assistant(d) user(e)')
  })

  test('whatever the history, its parts are the same and no two neighbours have one role', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const merged = alternating(history)
        expect(merged.flatMap(({ parts }) => parts)).toEqual(history.flatMap(({ parts }) => parts))
        for (const [index, { role }] of merged.entries()) expect(merged[index + 1]?.role).not.toBe(role)
        expect(alternating(merged)).toEqual(merged)
      }),
    )
  })
})

describe('splitSystem() (§5.2)', () => {
  const from = [
    system('first'),
    { ...system('second'), role: 'developer' } as const,
    user(text('a')),
    system('later'),
    assistant(text('b')),
    system('top', 'top'),
  ]

  test.each([
    {
      name: 'those among the others stay where the target takes them',
      takes: true,
      inline: 'user_tagged',
      system: ['top', 'first', 'second'],
      talk: 'user(a) system(later) assistant(b)',
      codes: [],
    },
    {
      name: 'elsewhere they become the words of the user, marked',
      takes: false,
      inline: 'user_tagged',
      system: ['top', 'first', 'second'],
      talk: 'user(a) user(<system-reminder>later</system-reminder>) assistant(b)',
      codes: ['adapted:system_position'],
    },
    {
      name: 'or go to the end of those in front',
      takes: false,
      inline: 'hoist',
      system: ['top', 'first', 'second', 'later'],
      talk: 'user(a) assistant(b)',
      codes: ['adapted:system_position'],
    },
  ] as const)('$name', ({ takes, inline, system: inFront, talk, codes }) => {
    const notes = new Notes()
    const split = splitSystem(from, takes, inline, notes)
    expect(split.system.map(({ parts }) => parts.map(shortPart).join())).toEqual([...inFront])
    expect(short(split.talk)).toBe(talk)
    expect(notes.codes).toEqual([...codes])
  })

  test('blocks are never joined, and keep their hints (#17.8)', () => {
    const cached: Part = { kind: 'text', text: 'x', cache: { ttl: '1h' } }
    const message: Message = { role: 'system', parts: [cached, text('y')], placement: 'inline' }
    expect(splitSystem([message], false, 'hoist', new Notes()).system).toEqual([message])
    const [, reminder] = splitSystem([user(text('a')), message], false, 'user_tagged', new Notes()).talk
    expect(reminder?.parts).toEqual([
      { kind: 'text', text: '<system-reminder>x</system-reminder>', cache: { ttl: '1h' } },
      { kind: 'text', text: '<system-reminder>y</system-reminder>' },
    ])
  })
})
