import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { Notes } from '#translate/notes.ts'
import { argsObject } from '#translate/tool-args.ts'
import { mainForms, type MainForm } from './dialect-asking.ts'
import type { RoundTrip } from './dialect-round-trip.ts'
import type { AnswerSummary, PartSummary, RequestSummary, ToolSummary, Turn } from './dialect-summary.ts'

/** What does not come back, and the summary without it. */
export interface Loss<Summary> {
  readonly why: string
  readonly own: readonly MainForm[]
  readonly other: readonly MainForm[]
  /** One of the two is one of these. */
  readonly touches?: readonly MainForm[]
  readonly forget: (summary: Summary) => Summary
}

const all = mainForms

export function lossesOf<Summary>(
  losses: readonly Loss<Summary>[],
  { own, other }: RoundTrip,
): readonly Loss<Summary>[] {
  return losses.filter(
    (loss) =>
      loss.own.includes(own) &&
      loss.other.includes(other) &&
      (loss.touches === undefined || loss.touches.includes(own) || loss.touches.includes(other)),
  )
}

export const requestLosses: readonly Loss<RequestSummary>[] = [
  {
    why: '§5.1.4: Messages must have a limit, and the largest stands in',
    own: ['chat', 'responses', 'gemini'],
    other: ['messages'],
    forget: (told) => ({ ...told, limit: told.limit === 128_000 ? undefined : told.limit }),
  },
  {
    why: '§5.1.6: Responses has no stop sequences; they are looked for in its answers',
    own: ['chat', 'messages', 'gemini'],
    other: ['responses'],
    forget: (told) => ({ ...told, stop: [] }),
  },
  {
    why: '§5.2: system messages among the others become marked words of the user, where a model takes none there',
    own: ['chat', 'responses', 'messages'],
    other: all,
    touches: ['messages', 'gemini'],
    forget: (told) => ({ ...told, turns: withRemindersOfUser(told.turns) }),
  },
  {
    why: '§5.2: newer Claude continues nothing, so that it is asked to',
    own: all,
    other: all,
    touches: ['messages'],
    forget: (told) => ({ ...told, turns: told.turns.filter(({ parts }) => !parts.every(isSaying('Continue.'))) }),
  },
  {
    why: '§5.3: Gemini takes no addresses; what stands there is fetched',
    own: ['chat', 'responses', 'messages'],
    other: ['gemini'],
    forget: eachPart((part) =>
      'media' in part && part.data.startsWith('https:') ? { ...part, media: 'image image/gif', data: fetched } : part,
    ),
  },
  {
    why: '§5.3: Gemini has no names of files',
    own: ['chat', 'responses', 'messages'],
    other: ['gemini'],
    forget: eachPart((part) => ('media' in part ? { ...part, filename: undefined } : part)),
  },
  {
    why: '§5.3: plain text files become texts',
    own: ['messages'],
    other: all,
    forget: eachPart((part) =>
      'media' in part && part.media === 'file ' ? { text: `--- file: b.txt ---\n${part.data}` } : part,
    ),
  },
  {
    why: '§5.4: tools of free text become functions',
    own: ['chat', 'responses'],
    other: all,
    forget: (told) => ({ ...eachPart(withoutFreeText)(told), tools: told.tools.map(asFunction) }),
  },
  {
    why: '§5.4: what a provider carries out is left out; its built-ins for clients become functions',
    own: ['responses', 'messages', 'gemini'],
    other: all,
    forget: (told) => ({
      ...told,
      tools: told.tools.filter(({ kind }) => kind !== 'hosted').map((tool) => (tool.name === 'bash' ? bash : tool)),
    }),
  },
  {
    why: '§5.4: names that others refuse are rewritten',
    own: ['messages', 'gemini'],
    other: all,
    forget: (told) => ({
      ...told,
      tools: told.tools.map((tool) => ({ ...tool, name: tool.name.replaceAll(/[^\w-]/g, '_').slice(0, 55) })),
    }),
  },
  {
    why: '§5.5: Gemini has no switch for calls side by side',
    own: ['chat', 'responses', 'messages'],
    other: ['gemini'],
    forget: (told) => ({ ...told, isParallel: true }),
  },
  {
    why: '§5.6: Messages and Gemini have objects as arguments, so that they are read as JSON: blanks, and digits that a double has not',
    own: ['chat', 'responses'],
    other: ['messages', 'gemini'],
    forget: eachPart((part) =>
      'call' in part ? { ...part, args: inPlainJson(argsObject({ raw: part.args }, new Notes(), '')) } : part,
    ),
  },
  {
    why: '§5.6: ids that others refuse are replaced',
    own: ['chat'],
    other: all,
    forget: eachPart((part) =>
      'call' in part
        ? { ...part, id: fitting(part.id) }
        : 'resultOf' in part
          ? { ...part, resultOf: fitting(part.resultOf) }
          : part,
    ),
  },
  {
    why: '§5.6: results that say nothing say so',
    own: ['chat'],
    other: all,
    forget: eachPart((part) =>
      'resultOf' in part ? { ...part, parts: part.parts.filter((one) => !isSaying('(no output)')(one)) } : part,
    ),
  },
  {
    why: '§5.6: results in Chat hold no media; they follow as words of the user',
    own: ['responses', 'messages', 'gemini'],
    other: ['chat'],
    forget: (told) => ({ ...told, turns: told.turns.map(withMediaMoved) }),
  },
  {
    why: '§5.7.2: Gemini 3 thinks always, as little as it can',
    own: all,
    other: all,
    touches: ['gemini'],
    forget: (told) => ({ ...told, effort: told.effort === 'none' || told.effort === 'minimal' ? 'low' : told.effort }),
  },
  {
    why: '§5.8.4: Claude is told in words to answer in JSON',
    own: ['chat', 'responses', 'gemini'],
    other: ['messages'],
    forget: (told) => ({
      ...told,
      system: told.system.filter((text) => !text.startsWith('Answer with one JSON value')),
      format: told.format === 'json' ? undefined : told.format,
    }),
  },
  {
    why: 'Appendix A: Claude wants a list of types as alternatives',
    own: all,
    other: all,
    touches: ['messages'],
    forget: (told) => ({ ...told, format: asAlternatives(told.format) }),
  },
]

/** What is told of answers in fewer words, or in others. */
export const answerLosses: readonly Loss<AnswerSummary>[] = [
  {
    why: '§6.3: ids that may come again are replaced',
    own: all,
    other: all,
    forget: (told) => ({ ...told, calls: told.calls.map((call) => ({ ...call, id: unique(call.id) })) }),
  },
  {
    why: '§7.1 (1): calls win over stop',
    own: ['chat'],
    other: all,
    forget: (told) => ({
      ...told,
      finish: told.calls.length > 0 && told.finish === 'stop' ? 'tool_calls' : told.finish,
    }),
  },
  {
    why: '§7.1 (2): of calls that were cut, Gemini gets none, and Messages what can be read',
    own: ['chat', 'messages'],
    other: ['messages', 'gemini'],
    forget: (told) => (told.finish === 'length' ? { ...told, calls: [] } : told),
  },
  {
    why: '§7.1 (5): what was refused becomes text and a finish, and the reverse',
    own: ['chat', 'responses', 'messages'],
    other: all,
    forget: refusedInText,
  },
  {
    why: '§7.2: Gemini does not tell what was written to a cache',
    own: ['chat', 'messages'],
    other: ['gemini'],
    forget: withoutUsage('cacheWrite'),
  },
  {
    why: '§7.2: only Messages tells for how long a cache keeps it',
    own: ['messages'],
    other: all,
    forget: withoutUsage('cacheWrite5m', 'cacheWrite1h'),
  },
  {
    why: '§7.2: usage that nobody told is estimated',
    own: ['chat', 'gemini'],
    other: all,
    forget: (told) => ({ ...told, usage: told.usage['input'] === estimate ? {} : told.usage }),
  },
  {
    why: '§13: only Messages tells which stop sequence it was',
    own: ['messages'],
    other: all,
    forget: (told) => ({ ...told, stopSequence: undefined }),
  },
  {
    why: '§7.3: Messages shows no pictures in answers; a note stands for them',
    own: ['chat', 'responses', 'gemini'],
    other: ['messages'],
    forget: (told) => ({
      ...told,
      text: told.text.replace('(The answer holds an image that cannot be shown here.)', ''),
    }),
  },
]

/** What the fetcher of the tests brings. */
const fetched = 'R0lGODlhAQABAAAAACw='

/** Tokens of the prompt that answers are asked for with. */
const estimate = 6

const bash: ToolSummary = { name: 'bash', kind: 'function', description: undefined, schema: {} }

function eachPart(change: (part: PartSummary) => PartSummary): (told: RequestSummary) => RequestSummary {
  return (told) => ({
    ...told,
    turns: told.turns.map(({ role, parts }) => ({ role, parts: parts.map(change) })),
  })
}

function isSaying(text: string): (part: PartSummary) => boolean {
  return (part) => 'text' in part && part.text === text
}

function withRemindersOfUser(turns: readonly Turn[]): readonly Turn[] {
  const merged: Turn[] = []
  for (const { role, parts } of turns) {
    const named = role === 'system' ? 'user' : role
    const plain = parts.map((part) =>
      'text' in part ? { text: part.text.replace(/^<system-reminder>(.*)<\/system-reminder>$/s, '$1') } : part,
    )
    const last = merged.at(-1)
    if (last?.role === named) merged.splice(-1, 1, { role: named, parts: [...last.parts, ...plain] })
    else merged.push({ role: named, parts: plain })
  }
  return merged
}

function withoutFreeText(part: PartSummary): PartSummary {
  if (!('call' in part) || !part.isCustom) return part
  return { ...part, isCustom: false, args: JSON.stringify({ input: part.args }) }
}

function asFunction(tool: ToolSummary): ToolSummary {
  const isFreeText = tool.kind === 'custom' || 'input' in (asObject(asObject(tool.schema)?.['properties']) ?? {})
  return isFreeText ? { ...tool, kind: 'function', description: tool.description?.split('\n')[0], schema: {} } : tool
}

function inPlainJson(args: JsonObject): string {
  return JSON.stringify(parseJson(JSON.stringify(args)))
}

function fitting(id: string): string {
  return /[^\w-]|^call_[\w-]{27}$/.test(id) ? 'call_fitting' : id
}

function withMediaMoved({ role, parts }: Turn): Turn {
  const moved = parts.flatMap((part) => ('resultOf' in part ? part.parts.filter((one) => 'media' in one) : []))
  const left = parts.map((part) =>
    'resultOf' in part
      ? {
          ...part,
          parts: part.parts.flatMap((one) => {
            const text = 'text' in one ? one.text.replace(/\n?See attached file \d+\.$/, '') : ''
            return text === '' ? [] : [{ text }]
          }),
        }
      : part,
  )
  const results = left.filter((part) => 'resultOf' in part)
  const others = left.filter(
    (part) => !('resultOf' in part || ('text' in part && /^Attached file \d+:$/.test(part.text))),
  )
  return { role, parts: [...results, ...moved, ...others] }
}

function asAlternatives(format: unknown): unknown {
  if (Array.isArray(format)) return format.map(asAlternatives)
  const schema = asObject(format)
  if (schema === undefined) return format
  const { type, ...rest } = schema
  if (Array.isArray(type)) return { ...rest, anyOf: type.map((one: unknown) => ({ type: one })) }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, asAlternatives(value)]))
}

function unique(id: string): string {
  return /^call_\d+$/.test(id) ? 'call_unique' : id
}

function refusedInText(told: AnswerSummary): AnswerSummary {
  const { refusal, text } = told
  if (refusal === '') return told
  return { ...told, text: text.includes(refusal) ? text : text + refusal, refusal: '', finish: 'content_filter' }
}

function withoutUsage(...names: readonly string[]): (told: AnswerSummary) => AnswerSummary {
  return (told) => ({
    ...told,
    usage: Object.fromEntries(Object.entries(told.usage).filter(([name]) => !names.includes(name))),
  })
}
