/** What a model name asks of the mock backend. */
export interface Behaviour {
  readonly kind: BehaviourKind
  /** Of the answer's head; only `error`, `redirect` and `badstatus` differ from 200. */
  readonly status: number
  readonly retryAfter: string | undefined
  /** Before the head. */
  readonly headDelayMs: number
  /** Before the first content, after the head of a stream. */
  readonly ttftMs: number
  /** Between two content frames. */
  readonly gapMs: number
  /** Share of every pause that chance may add or take away, 0–1. */
  readonly jitter: number
  /** Length of the answer; undefined = as long as the echo is. */
  readonly tokens: number | undefined
  /** Tool calls to make when the request brings tools. */
  readonly calls: number
  /** Thoughts come before the answer. */
  readonly thinks: boolean
  /** The answer is a refusal. */
  readonly refuses: boolean
  /** Tokens of input that count as read from the cache, beside those of the request. */
  readonly cachedTokens: number
  /** No request is refused for its form. */
  readonly lenient: boolean
  /** Content frames before the error of `stream_error`. */
  readonly failsAfter: number
  /** How the transfer ends; anything but `complete` happens after `endsAfter` content frames. */
  readonly ending: 'complete' | 'cut' | 'stall'
  readonly endsAfter: number
  /** Half of the next event is sent before the ending. */
  readonly torn: boolean
  /** One event that is no JSON, after the first content frame. */
  readonly malformed: boolean
  readonly withoutDone: boolean
  readonly withoutFinish: boolean
  readonly gzip: boolean
  readonly ndjson: boolean
  readonly echoesHeaders: boolean
}

export type BehaviourKind =
  | 'answer'
  | 'error'
  | 'quota'
  | 'stream_error'
  | 'html'
  | 'empty'
  | 'redirect'
  | 'badstatus'
  | 'hang'
  | 'dead'

/** A word of the grammar: what it is good for, and what it changes. */
export interface BehaviourWord {
  readonly meaning: string
  /** Undefined when the value makes no sense. */
  readonly read: (value: string | undefined) => Partial<Behaviour> | undefined
}

/** A model name that uses a word of the grammar wrongly. */
export interface BehaviourProblem {
  readonly problem: string
}

const plain: Behaviour = {
  kind: 'answer',
  status: 200,
  retryAfter: undefined,
  headDelayMs: 0,
  ttftMs: 0,
  gapMs: 0,
  jitter: 0,
  tokens: undefined,
  calls: 0,
  thinks: false,
  refuses: false,
  cachedTokens: 0,
  lenient: false,
  failsAfter: 0,
  ending: 'complete',
  endsAfter: 2,
  torn: false,
  malformed: false,
  withoutDone: false,
  withoutFinish: false,
  gzip: false,
  ndjson: false,
  echoesHeaders: false,
}

// Limit: a pause is at most an hour, an answer at most 100,000 tokens; more is a problem told with 400.
const pauseMsMax = 3_600_000
const tokensMax = 100_000

/** Every word of the grammar except `eNNN`, in the order of the documentation. */
export const behaviourWords: Readonly<Record<string, BehaviourWord>> = {
  ok: flag('a friendly answer that echoes the last user message', {}),
  slow: pause('wait before the head of the answer', 2000, (headDelayMs) => ({ headDelayMs })),
  ttft: pause('wait before the first token', undefined, (ttftMs) => ({ ttftMs })),
  tps: {
    meaning: 'tokens per second',
    read(value) {
      const perSecond = readNumber(value, 0.001, 1_000_000)
      return perSecond === undefined ? undefined : { gapMs: 1000 / perSecond }
    },
  },
  gap: pause('wait between two tokens', undefined, (gapMs) => ({ gapMs })),
  jitter: {
    meaning: 'share of every wait that chance may add or take away, 0 to 1',
    read(value) {
      const jitter = readNumber(value, 0, 1)
      return jitter === undefined ? undefined : { jitter }
    },
  },
  tokens: count('length of the answer in tokens', undefined, tokensMax, (tokens) => ({ tokens })),
  long: flag('50 tokens at 30 ms', { tokens: 50, gapMs: 30 }),
  tools: count('tool calls, when the request brings tools', 1, 16, (calls) => ({ calls })),
  think: flag('thoughts before the answer, signed where the dialect signs them', { thinks: true }),
  refuse: flag('a refusal, in the form of the dialect', { refuses: true }),
  cached: count('tokens of input that were read from the cache', 100, tokensMax, (cachedTokens) => ({ cachedTokens })),
  lenient: flag('a request that a strict provider would refuse is answered', { lenient: true }),
  'retry-after': {
    meaning: '`Retry-After` of an error',
    // What a header can carry.
    read: (value) => (value !== undefined && /^[\x21-\x7e]+$/.test(value) ? { retryAfter: value } : undefined),
  },
  q200: flag('status 200 with an error of exhausted quota as the body', { kind: 'quota' }),
  serr: count('status 200 and a stream with an error after so many tokens', 0, tokensMax, (failsAfter) => ({
    kind: 'stream_error',
    failsAfter,
  })),
  scut: ends('the connection breaks after so many tokens', 'cut'),
  stall: ends('silence after so many tokens, the connection stays open', 'stall'),
  torn: flag('`scut` and `stall` stop in the middle of an event', { torn: true }),
  malformed: flag('one event that is not JSON; without a stream a body that is not', { malformed: true }),
  nodone: flag('a stream without its terminal marker', { withoutDone: true }),
  nofinish: flag('a stream without its finish reason', { withoutFinish: true }),
  nd: flag('newline-delimited JSON instead of server-sent events', { ndjson: true }),
  gz: flag('a gzip-compressed body when the client accepts one', { gzip: true }),
  hdr: flag('the answer is the request headers as JSON', { echoesHeaders: true }),
  html: flag('status 200 with a web page', { kind: 'html' }),
  empty: flag('status 200 with no body', { kind: 'empty' }),
  redirect: flag('status 302 to another host', { kind: 'redirect', status: 302 }),
  badstatus: flag('a status that is no final answer', { kind: 'badstatus', status: 101 }),
  hang: flag('no answer at all, the connection stays open', { kind: 'hang' }),
  dead: flag('connection refused', { kind: 'dead' }),
}

/**
 * Reads `word[=value]` parts, separated by `+`, `,` or `;`. Parts that are no words of the grammar are names of models
 * and change nothing, so every name works.
 */
export function parseBehaviour(model: string): Behaviour | BehaviourProblem {
  const behaviour: Behaviour = { ...plain }
  for (const part of model.split(/[+,;]/)) {
    const [name = '', ...rest] = part.trim().split('=')
    const value = rest.length === 0 ? undefined : rest.join('=')
    const word = name.toLowerCase()
    const read = Object.hasOwn(behaviourWords, word) ? behaviourWords[word]?.read : errorReader(word)
    if (read === undefined) continue
    const change = read(value)
    if (change === undefined) return { problem: `Cannot read the behaviour "${part.trim()}": its value makes no sense` }
    Object.assign(behaviour, change)
  }
  return behaviour
}

/** `e400` to `e599`. A 429 asks for seven seconds of patience unless `retry-after` says otherwise. */
function errorReader(word: string): BehaviourWord['read'] | undefined {
  const status = /^e([45]\d\d)$/.exec(word)?.[1]
  if (status === undefined) return undefined
  const change: Partial<Behaviour> = { kind: 'error', status: Number(status) }
  return flag('', status === '429' ? { ...change, retryAfter: '7' } : change).read
}

function flag(meaning: string, change: Partial<Behaviour>): BehaviourWord {
  return { meaning, read: (value) => (value === undefined ? change : undefined) }
}

function pause(
  meaning: string,
  defaultMs: number | undefined,
  change: (ms: number) => Partial<Behaviour>,
): BehaviourWord {
  return {
    meaning,
    read(value) {
      const ms = value === undefined ? defaultMs : readPauseMs(value)
      return ms === undefined ? undefined : change(ms)
    },
  }
}

function count(
  meaning: string,
  fallback: number | undefined,
  max: number,
  change: (count: number) => Partial<Behaviour>,
): BehaviourWord {
  return {
    meaning,
    read(value) {
      const number = value === undefined ? fallback : readNumber(value, 0, max)
      return number === undefined || !Number.isInteger(number) ? undefined : change(number)
    },
  }
}

function ends(meaning: string, ending: Behaviour['ending']): BehaviourWord {
  return count(meaning, 2, tokensMax, (endsAfter) => ({ ending, endsAfter }))
}

/** `300ms`, `2s`, `1m`; a bare number is milliseconds. */
function readPauseMs(value: string): number | undefined {
  const [, digits, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(value) ?? []
  const factor = unit === 'm' ? 60_000 : unit === 's' ? 1000 : 1
  const ms = Number(digits) * factor
  return ms <= pauseMsMax ? ms : undefined
}

function readNumber(value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return undefined
  const number = Number(value)
  return number >= min && number <= max ? number : undefined
}
