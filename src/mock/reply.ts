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
  /** The text, one token each; empty when tools are called. */
  readonly tokens: readonly string[]
  readonly calls: readonly ToolCall[]
  readonly finish: 'stop' | 'length' | 'calls'
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface ToolCall {
  readonly name: string
  readonly input: unknown
}

// Limit: this much of the last message is repeated; a long prompt must not make a long answer.
const echoLengthMax = 500

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
  const calls = callsOf(ask, behaviour)
  const spoken = calls.length > 0 ? [] : tokensOf(textFor(ask, behaviour, headers), behaviour.tokens, random)
  const tokens = spoken.slice(0, Math.max(0, ask.outputTokensMax ?? Infinity))
  return {
    model: ask.model,
    createdS: Math.floor(wallMs / 1000),
    id: (prefix, length) => prefix + Array.from({ length }, () => pickFrom(alphabet, random)).join(''),
    tokens,
    calls,
    finish: calls.length > 0 ? 'calls' : tokens.length < spoken.length ? 'length' : 'stop',
    inputTokens: ask.inputTokens,
    outputTokens: tokens.length + calls.length * 8,
  }
}

/** Cuts a text into words that keep the space before them; together they are the text. */
export function splitTokens(text: string): readonly string[] {
  return text.match(/\s*\S+(?:\s+$)?/g) ?? []
}

function callsOf(ask: Ask, behaviour: Behaviour): readonly ToolCall[] {
  // A tool result is answered in words, so that an agent's loop ends.
  if (ask.tools.length === 0 || ask.answersTool) return []
  const wanted = Math.max(behaviour.calls, ask.forcedTool === false ? 0 : 1)
  const usable =
    typeof ask.forcedTool === 'string' ? ask.tools.filter((tool) => tool.name === ask.forcedTool) : ask.tools
  return Array.from({ length: wanted }, (_, at) => usable[at % usable.length])
    .filter((tool) => tool !== undefined)
    .map((tool) => ({ name: tool.name, input: sampleOf(tool.schema) }))
}

function textFor(ask: Ask, behaviour: Behaviour, headers: Headers): string {
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
