import { expect, test } from 'bun:test'
import type { CacheHint, CommonRequest, Message, Tool } from '#translate/common.ts'
import { claude45, claudeTarget, writtenFor } from '../../support/messages-codec.ts'

function text(role: Message['role'], words: string, cache?: CacheHint): Message {
  return { role, parts: [{ kind: 'text', text: words, cache }], placement: 'inline' }
}

function tool(name: string, cache?: CacheHint): Tool {
  return { kind: 'function', name, schema: undefined, cache }
}

/** Where breakpoints stand, and how long they last. */
function breakpointsOf(request: Partial<CommonRequest>, inputEstimate = 100, policy = {}): string[] {
  const { body } = writtenFor(claudeTarget(claude45, {}, policy, inputEstimate), request)
  const found: string[] = []
  const look = (value: unknown, place: string): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'cache_control') found.push(`${place}:${(inner as { ttl?: string }).ttl ?? ''}`)
      else look(inner, place === '' ? name : `${place}.${name}`)
    }
  }
  look(body, '')
  return found
}

const long: Partial<CommonRequest> = {
  tools: [tool('f'), tool('g')],
  messages: [text('system', 's'), text('user', 'q'), text('assistant', 'a'), text('user', 'r')],
}

test.each<{ name: string; request: Partial<CommonRequest>; estimate?: number; policy?: object; found: string[] }>([
  {
    name: 'a long prompt of a client that cannot ask for it: tools, system, last message of the user',
    request: long,
    estimate: 3000,
    found: ['system.0:', 'messages.2.content.0:', 'tools.1:'],
  },
  { name: 'a short one: nothing', request: long, estimate: 2048, found: [] },
  { name: 'the operator switched it off', request: long, estimate: 3000, policy: { autoCache: false }, found: [] },
  {
    name: 'a client of Anthropic’s: what it asked for',
    request: { ...long, form: 'messages' },
    estimate: 3000,
    found: [],
  },
  {
    name: 'a client that asked somewhere: only there',
    request: { ...long, messages: [text('user', 'q', { ttl: '1h' })] },
    estimate: 3000,
    found: ['messages.0.content.0:1h'],
  },
  {
    name: 'the whole request, for a day: as long as there is',
    request: { ...long, cache: { auto: {}, retention: '24h' } },
    estimate: 3000,
    found: [':1h'],
  },
  {
    name: 'too many: the first of tools and system, the last of the messages',
    request: {
      tools: [tool('f', {}), tool('g', {}), tool('h', {})],
      messages: [text('system', 's', {}), text('user', 'q', {}), text('assistant', 'a', {}), text('user', 'r', {})],
    },
    found: ['messages.1.content.0:', 'messages.2.content.0:', 'tools.0:', 'tools.1:'],
  },
  {
    name: 'that of the whole request counts',
    request: {
      cache: { auto: {} },
      tools: [tool('f', {}), tool('g', {})],
      messages: [text('user', 'q', {}), text('assistant', 'a', {}), text('user', 'r', {})],
    },
    found: ['messages.1.content.0:', 'messages.2.content.0:', 'tools.0:', ':'],
  },
  {
    name: 'one that lasts longer behind one that lasts shorter',
    request: {
      tools: [tool('f', { ttl: '1h' })],
      messages: [text('system', 's', { ttl: '5m' }), text('user', 'q', { ttl: '1h' })],
    },
    found: ['system.0:5m', 'messages.0.content.0:5m', 'tools.0:1h'],
  },
])('cache breakpoints (§5.9): $name', ({ request, estimate, policy, found }) => {
  expect(breakpointsOf(request, estimate, policy)).toEqual(found)
})

test('breakpoints within results count, and are kept', () => {
  const request: Partial<CommonRequest> = {
    tools: [tool('f')],
    messages: [
      text('user', 'q'),
      {
        role: 'assistant',
        placement: 'inline',
        parts: [
          { kind: 'tool_call', id: 'a', name: 'f', args: { raw: '' }, isCustom: false, tool: 'function', cache: {} },
        ],
      },
      {
        role: 'user',
        placement: 'inline',
        parts: [
          {
            kind: 'tool_result',
            callId: 'a',
            isError: false,
            isCustom: false,
            parts: [{ kind: 'text', text: 'x', cache: {} }],
            cache: {},
          },
        ],
      },
    ],
  }
  expect(breakpointsOf(request)).toEqual([
    'messages.1.content.0:',
    'messages.2.content.0.content.0:',
    'messages.2.content.0:',
  ])
})

test('a backend where they have no effect is sent none', () => {
  const target = claudeTarget(claude45, { takesCacheHints: false }, {}, 9000)
  const { body, notes } = writtenFor(target, { messages: [text('user', 'q', {})] })
  expect(JSON.stringify(body)).not.toContain('cache_control')
  expect(notes.codes).toEqual(['dropped:cache_hint'])
})
