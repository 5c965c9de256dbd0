import type { StreamForm } from '#core/endpoint.ts'
import { firstVoice, plainStream, type Voice } from './plain-streams.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawOrigin, type RawPeer } from './raw-origin.ts'
import { dataEvent, namedEvent } from './streams.ts'

/**
 * What becomes of a stream behind the text that it said: `unmarked` and `half` end their transfer as if all were well,
 * `garbage` goes on to its end behind an event that is no JSON, `page` and the numbers are answers that are no stream.
 */
export type StreamEnding =
  | 'whole'
  | 'cut'
  | 'torn'
  | 'reset'
  | 'stall'
  | 'unmarked'
  | 'half'
  | 'garbage'
  | 'error'
  | 'page'
  | 400
  | 429
  | 500

/** What an origin does for one model. */
export interface StreamScript {
  /** `whole` unless told otherwise. */
  readonly ends?: StreamEnding
  /** How many pieces of the text are said before that; none unless told otherwise. */
  readonly after?: number
  readonly pieces?: readonly string[]
  readonly voice?: Voice
  /** Milliseconds before the head, between head and first event, and between any two events. */
  readonly headMs?: number
  readonly leadMs?: number
  readonly gapMs?: number
  /** A request that has the beginning of the answer in it gets the rest of it; `only`: any other is answered beside it. */
  readonly continues?: 'yes' | 'only'
}

/** What the streams say unless their script has something else. */
export const tale: readonly string[] = [
  'The quick',
  ' brown fox',
  ' – “füchsig” 🦊 –',
  ' jumps',
  ' over',
  ' the',
  ' dog.',
]

/** The same cut elsewhere. */
export const taleAnew: readonly string[] = [
  'The',
  ' quick brown',
  ' fox – “füch',
  'sig” 🦊 – jumps over',
  ' the dog',
  '.',
]

/** Starts an origin that speaks every dialect; the model in the request chooses what it does. */
export async function streamOrigin(scripts: Readonly<Record<string, StreamScript>>): Promise<RawOrigin> {
  return await rawOrigin((peer) => {
    const script = scripts[modelOf(peer.request)]
    if (script === undefined) return peer.end(plainAnswer('{"error":{"message":"no such model"}}', [], '404 Not Found'))
    void play(peer, script)
  })
}

type Asked = RawPeer['request']

async function play(peer: RawPeer, script: StreamScript): Promise<void> {
  const { ends = 'whole', after = 0, voice = firstVoice, headMs = 0, leadMs = 0, gapMs = 0 } = script
  const form = formOf(peer.request)
  const pieces = piecesFor(script, peer.request)
  await pause(headMs)
  if (typeof ends === 'number') return peer.write(plainAnswer(JSON.stringify(errorOf(form)), json, `${ends} No`))
  if (ends === 'page') return peer.write(plainAnswer('<!doctype html><p>Sign in</p>', ['Content-Type: text/html']))

  peer.write(chunkedHead(form === 'gemini_array' ? 'application/json' : 'text/event-stream'))
  await pause(leadMs)
  const events = plainStream(form).events(pieces, voice)
  const until = ends === 'whole' ? events.length : endOf(events, pieces, after)
  for (const [index, event] of events.slice(0, until).entries()) {
    if (index > 0) await pause(gapMs)
    peer.write(chunk(event))
  }
  const next = events[until] ?? ''
  const half = next.slice(0, next.indexOf('{') + 12)
  // What comes in the same moment as a reset is destroyed by it, and a bad end that is there at once is seen before
  // anything is sent.
  if (ends !== 'whole') await pause(settleMs)
  switch (ends) {
    case 'whole':
    case 'unmarked':
      return peer.write(chunk(''))
    case 'cut':
      return peer.end()
    case 'torn':
      return peer.end(chunk(half))
    case 'reset':
      return peer.reset()
    case 'half':
      return peer.write(chunk(half) + chunk(''))
    case 'error':
      return peer.write(chunk(errorEvent(form)) + chunk(''))
    case 'garbage':
      peer.write(chunk(garbageEvent(form)))
      for (const event of events.slice(until)) peer.write(chunk(event))
      return peer.write(chunk(''))
    case 'stall':
  }
}

const settleMs = 75

const json = ['Content-Type: application/json']

/** Anthropic's SDK reads no event without a name. */
function garbageEvent(form: StreamForm): string {
  return `${form === 'messages' ? 'event: content_block_delta\n' : ''}data: {"choices":[{"delta"\n\n`
}

/** In the words of the upstream. */
export const stumble = 'the provider stumbled'

/** The error of a dialect as its provider sends it in a body. */
function errorOf(form: StreamForm): object {
  if (form === 'messages') return { type: 'error', error: { type: 'api_error', message: stumble } }
  if (form === 'gemini_sse') return { error: { code: 500, message: stumble, status: 'INTERNAL' } }
  return { error: { type: 'server_error', code: 'server_error', message: stumble, param: null } }
}

/** The same in a stream. */
function errorEvent(form: StreamForm): string {
  if (form === 'messages') return namedEvent({ type: 'error', ...errorOf(form) })
  if (form !== 'responses') return dataEvent(errorOf(form))
  const error = { code: 'server_error', message: stumble, param: null }
  return namedEvent({ ...error, type: 'error', sequence_number: 9, error: { ...error, type: 'server_error' } })
}

/** Index of the event behind the one that says this piece; with none, the event that says the first one. */
function endOf(events: readonly string[], pieces: readonly string[], after: number): number {
  const piece = pieces[Math.max(0, after - 1)] ?? ''
  const at = events.findIndex((event) => event.includes(JSON.stringify(piece)))
  return after === 0 ? at : at + 1
}

function piecesFor({ pieces = tale, continues }: StreamScript, request: Asked): readonly string[] {
  if (continues === undefined) return pieces
  const given = givenText(request)
  const text = pieces.join('')
  if (given !== '' && text.startsWith(given)) return text.slice(given.length).split(/(?<= )/)
  return continues === 'only' ? ['Something', ' else.'] : pieces
}

/** The beginning of the answer that the request brings, where there is one. */
function givenText({ body, target }: Asked): string {
  // oxlint-disable-next-line typescript/no-explicit-any -- a request of any dialect
  const asked: any = JSON.parse(body.toString())
  if (target.includes('/completions') && typeof asked.prompt === 'string') return asked.prompt.replace(/^hi/, '')
  const last = (asked.messages ?? asked.contents ?? []).at(-1)
  if (last?.role !== 'assistant' && last?.role !== 'model') return ''
  return last.content ?? last.parts?.[0]?.text ?? ''
}

function modelOf({ target, body }: Asked): string {
  const inPath = /\/models\/([^:/?]+):/.exec(target)?.[1]
  return inPath === undefined ? String(JSON.parse(body.toString()).model) : decodeURIComponent(inPath)
}

function formOf({ target }: Asked): StreamForm {
  if (target.includes(':streamGenerateContent')) return target.includes('alt=sse') ? 'gemini_sse' : 'gemini_array'
  if (target.includes('/chat/completions')) return 'chat'
  if (target.includes('/completions')) return 'completions'
  return target.includes('/responses') ? 'responses' : 'messages'
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await Bun.sleep(ms)
}
