import type { StreamForm } from '#core/endpoint.ts'
import type { Dice } from './dice.ts'
import type { AnswerScript, BrokenScript, Ending, Move, Script } from './sim-transport.ts'
import { errorEvent, garbageEvent, speak, type Speech } from './speech.ts'

/** What an upstream was asked, as far as its behaviour depends on it. */
export interface Asked {
  /** Undefined: an endpoint whose answers are no streams. */
  readonly form: StreamForm | undefined
  readonly isStream: boolean
  readonly words: readonly string[]
  readonly id: string
}

/** One way to behave, ready to be carried out. */
export interface Behaviour {
  readonly name: string
  /** Nothing about it is a reason to ask anybody else. */
  readonly isGood: boolean
  readonly script: Script
}

type Play = (asked: Asked, dice: Dice) => Script | undefined

/** Words in a secret that every backend is sent, and that no client may ever see. */
export const canary = 'sk-canary-7f3e9a1d5c2b8064'

/**
 * Ways to fail, by name. A new one is one line: what happens, from the first packet to the last. Undefined where it makes
 * no sense for what was asked; then the upstream behaves well.
 */
export const failures: Readonly<Record<string, Play>> = {
  refused: (_, dice) => broken('connect', 'refused', dice.between(0, 5)),
  no_name: () => broken('dns', 'not_found', 3),
  bad_certificate: () => broken('tls', 'tls', 8),
  no_connection: () => broken('connect', 'hang'),
  no_handshake: () => broken('tls', 'hang'),
  queue_full: () => broken('queue', 'full'),
  queue_timeout: () => broken('queue', 'hang'),
  write_hang: () => broken('write', 'hang'),
  reset: (_, dice) => broken('head', 'reset', dice.pick([0, 10, 900])),
  not_http: () => broken('head', 'malformed', 5),
  no_head: () => broken('head', 'hang'),
  stale_twice: () => ({ ...broken('head', 'reset', 0), stale: broken('connect', 'refused') }),
  stale_once: (asked, dice) => ({ ...broken('head', 'reset', 0), stale: good(asked, dice) }),
  status: (asked, dice) => errorAnswer(dice.pick([401, 403, 408, 429, 429, 500, 502, 503, 529]), asked, dice),
  request_status: (asked, dice) => errorAnswer(dice.pick([400, 404, 413, 422]), asked, dice),
  status_slow: (asked, dice) => ({ ...errorAnswer(503, asked, dice), afterMs: dice.between(500, 40_000) }),
  status_stalls: (asked, dice) => ({ ...errorAnswer(500, asked, dice), ending: ends('open'), isTogether: false }),
  status_cut: (asked, dice) => ({ ...errorAnswer(500, asked, dice), ending: ends('reset', 5), isTogether: false }),
  redirect: () => answer(302, { location: 'http://169.254.169.254/' }, []),
  web_page: () => answer(200, { 'content-type': 'text/html' }, [now('<html>hello</html>')]),
  empty: ({ form, isStream }) => answer(200, typeOf(form, isStream), []),
  error_in_200: (_, dice) =>
    answer(200, json, [
      now(`{"error":{"message":"insufficient_quota ${dice.between(0, 9)}","type":"x","code":"insufficient_quota"}}`),
    ]),
  cut_body: (asked) =>
    asked.isStream
      ? undefined
      : { ...answer(200, json, [now(wholeAnswer(asked).slice(0, 30))]), ending: ends('reset', 9), isTogether: false },
  stalling_body: (asked) =>
    asked.isStream
      ? undefined
      : { ...answer(200, json, [now(wholeAnswer(asked).slice(0, 30))]), ending: ends('open'), isTogether: false },
  first_event_is_error: streaming(({ form }, _, dice) => ({
    events: [errorEvent(form, true, `overloaded ${dice.between(0, 9)}`)],
    ending: ends('end'),
  })),
  handshake_only: streaming((_, { events, contentAt }) => ({
    events: events.slice(0, contentAt),
    ending: ends('end'),
  })),
  handshake_stalls: streaming((_, { events, contentAt }) => ({
    events: events.slice(0, contentAt),
    ending: ends('open'),
  })),
  handshake_cut: streaming((_, { events, contentAt }) => ({
    events: events.slice(0, contentAt),
    ending: ends('reset', 5),
  })),
  cut: streaming((_, { events, endAt }, dice) => ({
    events: events.slice(0, dice.between(1, endAt)),
    ending: ends('reset', dice.pick([0, 0, 50, 3000])),
  })),
  bad_chunk: streaming((_, { events, endAt }, dice) => ({
    events: events.slice(0, dice.between(1, endAt)),
    ending: ends('malformed'),
  })),
  cut_in_event: streaming((_, { events, endAt }, dice) => torn(events, dice.between(0, endAt), 'reset', dice)),
  ends_in_event: streaming((_, { events, endAt }, dice) => torn(events, dice.between(0, endAt - 1), 'end', dice)),
  no_marker: streaming((_, { events, contentAt, endAt }, dice) => ({
    events: events.slice(0, dice.between(contentAt + 1, endAt)),
    ending: ends('end', dice.pick([0, 0, 700])),
  })),
  stall: streaming((_, { events, endAt }, dice) => ({
    events: events.slice(0, dice.between(1, endAt)),
    ending: ends('open'),
  })),
  error_in_stream: streaming(({ form }, { events, contentAt, endAt }, dice) => ({
    events: [...events.slice(0, dice.between(contentAt + 1, endAt)), errorEvent(form, false)],
    ending: ends(dice.pick(['end', 'reset', 'open']), 3),
  })),
  never_ends: streaming((_, { events, contentAt, endAt }) => ({
    events: [...events.slice(0, endAt), ...Array.from({ length: 150 }, () => events[contentAt + 1] ?? '')],
    ending: ends('reset'),
    pauseMs: 900,
  })),
  compressed: streaming(() => ({
    events: ['\u001f\u008b\u0008'],
    ending: ends('end'),
    headers: { 'content-encoding': 'gzip' },
  })),
}

/** Those that strike when the client has a part of the answer. */
export const breaks = [
  'cut',
  'bad_chunk',
  'cut_in_event',
  'ends_in_event',
  'no_marker',
  'stall',
  'error_in_stream',
  'never_ends',
]

/** Ways to behave well that are hard to tell from failing, or hard to serve. */
export const oddities: Readonly<Record<string, Play>> = {
  together: (asked, dice) => ({ ...good(asked, dice), isTogether: true }),
  slow_head: (asked, dice) => ({ ...good(asked, dice), afterMs: dice.between(100, 2000) }),
  stays_open: streaming((_, { events }) => ({ events, ending: ends('open') })),
  late_reset: streaming((_, { events }) => ({ events, ending: ends('reset', 20) })),
  no_sentinel: streaming((_, { events, endAt }) => ({ events: events.slice(0, endAt + 1), ending: ends('end') })),
  torn_sentinel: streaming((_, { events, endAt }, dice) =>
    endAt + 1 < events.length ? torn(events, dice.between(endAt + 1, events.length - 1), 'reset', dice) : undefined,
  ),
  paced: streaming((_, { events }, dice) => ({ events, ending: ends('end'), pauseMs: dice.pick([20, 300, 1500]) })),
  thinks: streaming((_, { events, contentAt }, dice) => ({
    events,
    ending: ends('end'),
    pauseAtMs: { [contentAt]: dice.between(500, 20_000) },
  })),
  garbage: streaming(({ form }, { events, contentAt }) => {
    const odd = garbageEvent(form)
    return odd === undefined
      ? undefined
      : { events: [...events.slice(0, contentAt + 1), odd, ...events.slice(contentAt + 1)], ending: ends('end') }
  }),
  comments: streaming(({ form }, { events }) =>
    isLineFramed(form)
      ? undefined
      : { events: [': processing\n\n', ...events.flatMap((event) => [event, ': x\n\n'])], ending: ends('end') },
  ),
  returns: streaming(({ form }, { events }) =>
    isLineFramed(form)
      ? undefined
      : { events: events.map((event) => event.replaceAll('\n', '\r\n')), ending: ends('end') },
  ),
  flood: streaming(({ form, words, id }, _, dice) => {
    const long = words.map((word) => word + 'z'.repeat(dice.pick([9000, 30_000])))
    return { events: speak(form, { id, words: [...long, ...long] }).events, ending: ends('end') }
  }),
  halting: (asked, dice) => {
    const script = good({ ...asked, words: asked.words.map((word) => word + 'z'.repeat(90_000)) }, dice)
    const bytes = Buffer.concat(script.moves.map((move) => move.bytes))
    const pieces = Array.from({ length: Math.ceil(bytes.length / 31_000) }, (_, at) =>
      bytes.subarray(at * 31_000, (at + 1) * 31_000),
    )
    return { ...script, isTogether: false, moves: pieces.map((piece) => ({ afterMs: 1200, bytes: piece })) }
  },
  bytewise: (asked, dice) => {
    const script = good(asked, dice)
    const bytes = Buffer.concat(script.moves.map((move) => move.bytes))
    const moves = Array.from(bytes, (byte) => ({ afterMs: 0, bytes: Buffer.of(byte) }))
    return { ...script, moves, isTogether: false }
  },
}

/** The same behaviour as it was asked for; well-behaved where it makes no sense. */
export function behave(name: string, asked: Asked, dice: Dice): Behaviour {
  const failing = failures[name]
  const played = (failing ?? oddities[name])?.(asked, dice)
  const isFailing = failing !== undefined && played !== undefined && name !== 'stale_once'
  return { name: played === undefined ? 'good' : name, isGood: !isFailing, script: played ?? good(asked, dice) }
}

/** A quick and whole answer. */
export function good(asked: Asked, dice: Dice): AnswerScript {
  const { form, isStream, id, words } = asked
  const afterMs = dice.pick([0, 0, 5, 30])
  if (form === undefined || !isStream) {
    const bytes = Buffer.from(wholeAnswer(asked))
    const moves = dice.chance(0.5) ? [{ afterMs: 0, bytes }] : sliced([bytes], dice, 5)
    const length = dice.chance(0.5) ? { 'content-length': String(bytes.length) } : {}
    return { ...answer(200, { ...json, ...length }, moves), afterMs, isTogether: dice.chance(0.5) }
  }
  const { events } = speak(form, { id, words })
  const moves = sliced(
    events.map((event) => Buffer.from(event)),
    dice,
    dice.pick([0, 0, 10]),
  )
  return { ...answer(200, typeOf(form, true), moves), afterMs, isTogether: dice.chance(0.2) }
}

/** An answer in one piece, to those who asked for no stream. */
export function wholeAnswer({ form, id, words }: Asked): string {
  const text = words.join('')
  switch (form) {
    case undefined:
      return JSON.stringify({ object: 'list', data: [{ embedding: [0.25, 0.5], said: text }] })
    case 'messages':
      return JSON.stringify({ id, type: 'message', content: [{ type: 'text', text }], stop_reason: 'end_turn' })
    case 'gemini_sse':
    case 'gemini_array':
      return JSON.stringify({ candidates: [{ content: { parts: [{ text }] }, finishReason: 'STOP' }] })
    case 'ndjson':
      return JSON.stringify({ message: { role: 'assistant', content: text }, done: true })
    case 'responses':
      return JSON.stringify({ id, object: 'response', status: 'completed', error: null, output: [{ text }] })
    case 'chat':
    case 'completions':
      return JSON.stringify({ id, choices: [{ index: 0, message: { content: text }, finish_reason: 'stop' }] })
  }
}

const json = { 'content-type': 'application/json' }

/** Headers of an answer of this kind. */
export function typeOf(form: StreamForm | undefined, isStream: boolean): Readonly<Record<string, string>> {
  if (form === undefined || !isStream || form === 'gemini_array') return json
  return { 'content-type': form === 'ndjson' ? 'application/x-ndjson' : 'text/event-stream' }
}

function isLineFramed(form: StreamForm): boolean {
  return form === 'ndjson' || form === 'gemini_array' || form === 'gemini_sse'
}

function broken(phase: BrokenScript['phase'], cause: BrokenScript['cause'], afterMs = 0): BrokenScript {
  return { kind: 'broken', phase, cause, afterMs }
}

function answer(status: number, headers: Readonly<Record<string, string>>, moves: readonly Move[]): AnswerScript {
  return { kind: 'answer', afterMs: 0, status, headers, moves, ending: ends('end') }
}

function now(text: string): Move {
  return { afterMs: 0, bytes: Buffer.from(text) }
}

function ends(how: Ending['how'], afterMs = 0): Ending {
  return { how, afterMs }
}

function errorAnswer(status: number, { form }: Asked, dice: Dice): AnswerScript {
  const message = `it is broken, and the key was ${dice.chance(0.3) ? canary : 'fine'}`
  const body = errorBody(form, message, dice)
  const wait: Readonly<Record<string, string>> = dice.pick<Readonly<Record<string, string>>>([
    {},
    {},
    { 'retry-after': dice.pick(['1', '7', '9999999', 'abc', 'Mon, 12 Jan 2026 00:00:00 GMT']) },
    { 'retry-after-ms': '1500' },
    { 'x-echo': canary },
  ])
  return {
    ...answer(status, { ...json, ...wait }, body === '' ? [] : [now(body)]),
    afterMs: dice.pick([0, 0, 10, 400]),
    isTogether: dice.chance(0.5),
  }
}

function errorBody(form: StreamForm | undefined, message: string, dice: Dice): string {
  const shape = dice.pick(['own', 'own', 'own', 'page', 'empty', 'quota', 'large'])
  if (shape === 'page') return `<html>${message}</html>`
  if (shape === 'empty') return ''
  if (shape === 'quota')
    return JSON.stringify({ error: { message, type: 'insufficient_quota', code: 'insufficient_quota' } })
  const padding = shape === 'large' && dice.chance(0.05) ? 'x'.repeat(1_200_000) : ''
  switch (form) {
    case 'messages':
      return JSON.stringify({ type: 'error', error: { type: 'api_error', message: message + padding } })
    case 'gemini_sse':
    case 'gemini_array':
      return JSON.stringify({ error: { code: 500, message: message + padding, status: 'INTERNAL' } })
    case 'ndjson':
      return JSON.stringify({ error: message + padding })
    case 'chat':
    case 'completions':
    case 'responses':
    case undefined:
      return JSON.stringify({ error: { message: message + padding, type: 'server_error', param: null, code: null } })
  }
}

interface Staged {
  readonly events: readonly string[]
  readonly ending: Ending
  readonly headers?: Readonly<Record<string, string>>
  /** Before every event but the first. */
  readonly pauseMs?: number
  /** Before the event with this index. */
  readonly pauseAtMs?: Readonly<Record<number, number>>
}

type Streamed = Asked & { readonly form: StreamForm }

/** A way to behave that only streams know. */
function streaming(stage: (asked: Streamed, speech: Speech, dice: Dice) => Staged | undefined): Play {
  return (asked, dice) => {
    const { form, isStream, id, words } = asked
    if (form === undefined || !isStream) return undefined
    const staged = stage({ ...asked, form }, speak(form, { id, words }), dice)
    if (staged === undefined) return undefined
    const { events, pauseMs = 0, pauseAtMs = {} } = staged
    const bytes = events.map((event) => Buffer.from(event))
    const isPaced = pauseMs > 0 || Object.keys(pauseAtMs).length > 0
    const moves = isPaced
      ? bytes.map((piece, at) => ({ afterMs: pauseAtMs[at] ?? (at === 0 ? 0 : pauseMs), bytes: piece }))
      : sliced(bytes, dice, dice.pick([0, 0, 0, 15, 400]))
    return {
      ...answer(200, { ...typeOf(form, true), ...staged.headers }, moves),
      afterMs: dice.pick([0, 5, 60]),
      ending: staged.ending,
    }
  }
}

/** Up to the middle of one event. */
function torn(events: readonly string[], at: number, how: 'end' | 'reset', dice: Dice): Staged {
  const event = events[at] ?? ''
  const half = event.slice(0, dice.between(1, Math.max(1, event.length - 3)))
  return { events: [...events.slice(0, at), half], ending: ends(how, dice.pick([0, 30])) }
}

/** The events as they are, or cut and joined anywhere. */
function sliced(events: readonly Buffer[], dice: Dice, pauseMs: number): Move[] {
  if (dice.chance(0.5)) return events.map((bytes, at) => ({ afterMs: at === 0 ? 0 : pauseMs, bytes }))
  const all = Buffer.concat(events)
  const moves: Move[] = []
  const longest = Math.max(dice.pick([7, 60, 600, 40_000]), all.length / 200)
  for (let at = 0; at < all.length;) {
    const size = dice.between(1, Math.ceil(longest))
    moves.push({ afterMs: at === 0 ? 0 : dice.chance(0.2) ? pauseMs : 0, bytes: all.subarray(at, at + size) })
    at += size
  }
  return moves
}
