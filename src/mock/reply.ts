import type { Random } from '#ports/random.ts'
import type { Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sampleOf } from './sample.ts'

/** What the mock backend says, before a dialect puts it into its own words. */
export interface Reply {
  readonly model: string
  /** Seconds since 1970. */
  readonly createdS: number
  /** Makes an identifier of so many characters; the same sequence for the same seed. */
  readonly id: (prefix: string, length: number) => string
  /** Thoughts before the answer, one token each. */
  readonly thoughts: readonly string[]
  /** The text or the refusal, one token each; empty when tools are called. */
  readonly tokens: readonly string[]
  readonly calls: readonly ToolCall[]
  readonly finish: 'stop' | 'length' | 'calls' | 'refusal'
  /** With those that were read from the cache. */
  readonly inputTokens: number
  readonly cachedTokens: number
  /** With the thoughts. */
  readonly outputTokens: number
}

export interface ToolCall {
  readonly name: string
  readonly input: unknown
}

// Limit: this much of the last message is repeated; a long prompt must not make a long answer.
const echoLengthMax = 500

const thought = 'Let me think about this for a moment.'

const refusal = 'The mock backend was asked to refuse, so it does not answer.'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const fillers = [
  'a',
  'river',
  'walks',
  'slowly',
  'past',
  'the',
  'quiet',
  'mill',
  'while',
  'morning',
  'light',
  'counts',
  'every',
  'stone',
  'and',
  'forgets',
  'none',
]

export function replyTo(ask: Ask, behaviour: Behaviour, headers: Headers, wallMs: number, random: Random): Reply {
  const calls = behaviour.refuses ? [] : callsOf(ask, behaviour)
  const thoughts = behaviour.thinks ? splitTokens(thought) : []
  const spoken = calls.length > 0 ? [] : tokensOf(textFor(ask, behaviour, headers), behaviour.tokens, random)
  const tokens = spoken.slice(0, Math.max(0, ask.outputTokensMax ?? Infinity))
  return {
    model: ask.model,
    createdS: Math.floor(wallMs / 1000),
    id: (prefix, length) => prefix + Array.from({ length }, () => pickFrom(alphabet, random)).join(''),
    thoughts,
    tokens,
    calls,
    finish: behaviour.refuses ? 'refusal' : finishOf(calls.length, spoken.length - tokens.length),
    inputTokens: ask.inputTokens + behaviour.cachedTokens,
    cachedTokens: behaviour.cachedTokens,
    outputTokens: thoughts.length + tokens.length + calls.length * 8,
  }
}

function finishOf(calls: number, missingTokens: number): Reply['finish'] {
  if (calls > 0) return 'calls'
  return missingTokens > 0 ? 'length' : 'stop'
}

/** Opaque state of thoughts, as a provider signs it: base64. */
export function signatureOf(reply: Reply): string {
  return reply.id('EqMock', 42)
}

/** Cuts a text into words that keep the space before them; together they are the text. */
export function splitTokens(text: string): readonly string[] {
  return text.match(/\s*\S+(?:\s+$)?/g) ?? []
}

function callsOf(ask: Ask, behaviour: Behaviour): readonly ToolCall[] {
  // A tool result is answered in words, so that an agent's loop ends.
  const { toolChoice } = ask
  if (ask.tools.length === 0 || ask.answersTool || toolChoice === 'none') return []
  const asked = Math.max(behaviour.calls, toolChoice === 'free' ? 0 : 1)
  const wanted = ask.singleCall ? Math.min(asked, 1) : asked
  const usable = typeof toolChoice === 'string' ? ask.tools : ask.tools.filter(({ name }) => name === toolChoice.name)
  return Array.from({ length: wanted }, (_, at) => usable[at % usable.length])
    .filter((tool) => tool !== undefined)
    .map((tool) => ({ name: tool.name, input: sampleOf(tool.schema) }))
}

function textFor(ask: Ask, behaviour: Behaviour, headers: Headers): string {
  if (behaviour.refuses) return refusal
  if (behaviour.echoesHeaders) return JSON.stringify(Object.fromEntries(headers))
  if (ask.jsonSchema !== undefined) return JSON.stringify(sampleOf(ask.jsonSchema))
  const echo = ask.lastText
    .slice(0, echoLengthMax)
    .replace(/[\uD800-\uDBFF]$/, '')
    .trim()
  if (echo === '') return 'Hello from the mock backend. You said nothing.'
  return `Hello from the mock backend. ${ask.answersTool ? 'The tool answered' : 'You said'}: ${echo}`
}

function tokensOf(text: string, length: number | undefined, random: Random): readonly string[] {
  const tokens = splitTokens(text)
  if (length === undefined || length <= tokens.length) return tokens.slice(0, length)
  return [...tokens, ...Array.from({ length: length - tokens.length }, () => ` ${pickFrom(fillers, random)}`)]
}

function pickFrom(choices: ArrayLike<string>, random: Random): string {
  return choices[Math.floor(random.unit() * choices.length)] ?? ''
}
