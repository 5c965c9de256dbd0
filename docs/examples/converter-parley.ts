import type {
  Converter,
  ConverterAnswerPart,
  ConverterEvent,
  ConverterFinish,
  ConverterMessage,
  ConverterPart,
  ConverterUsage,
  JsonRecord,
} from './converter.d.ts'

/**
 * Parley, a provider that exists only here. It is asked at `/v3/talk`, tells who speaks by "you" and "me", counts what was
 * heard and said, and streams lines of JSON with an `op` each.
 */
export const converter: Converter = {
  contract: 1,
  name: 'parley',
  framing: 'lines',
  takes: {
    tools: true,
    forcedTools: false,
    stops: 4,
    sampling: ['temperature', 'seed'],
    thinking: true,
    media: ['image'],
  },

  writeRequest({ model, stream, system, messages, tools, toolChoice, maxTokens, sampling, stops, thinking }) {
    const isMute = toolChoice === 'none'
    return {
      path: '/v3/talk',
      headers: { 'x-parley-edition': '2026-01' },
      body: {
        engine: model,
        live: stream,
        ...(system === '' ? {} : { briefing: system }),
        turns: messages.flatMap(turnsOf),
        ...(tools.length === 0 || isMute
          ? {}
          : {
              abilities: tools.map(({ name, description, parameters }) => ({
                call: name,
                about: description,
                takes: parameters,
              })),
            }),
        // It has no default of its own.
        words_max: maxTokens ?? 4096,
        ...(sampling.temperature === undefined ? {} : { mood: sampling.temperature }),
        ...(sampling.seed === undefined ? {} : { dice: sampling.seed }),
        ...(stops.length === 0 ? {} : { hush_at: stops }),
        ...(thinking === undefined ? {} : { muse: thinking.isOff ? 'never' : (thinking.effort ?? 'medium') }),
      },
    }
  },

  readAnswer(body) {
    const oops = recordOf(body['oops'])
    if (oops !== undefined) return { kind: 'error', message: textOf(oops['why']), code: textOf(oops['sort']) }
    const said = Array.isArray(body['said']) ? body['said'] : []
    return {
      id: textOf(body['talk']),
      parts: said.flatMap(partOf),
      finish: finishOf(body['why']),
      usage: usageOf(body['spent']),
    }
  },

  openStream() {
    return {
      push({ data }) {
        return eventsOf(recordOf(JSON.parse(data)) ?? {})
      },
    }
  },

  readError(status, body) {
    const oops = recordOf(recordOf(body)?.['oops'])
    const message = textOf(oops?.['why']) || `Parley answered with status ${status}`
    const again = oops?.['again_s']
    return {
      kind: 'error',
      message,
      code: textOf(oops?.['sort']),
      // It says 420 where others say 429.
      ...(status === 420 ? { status: 429 } : {}),
      ...(typeof again === 'number' ? { retryAfterMs: again * 1000 } : {}),
    }
  },
}

/** What a tool found is a turn of its own. */
function turnsOf({ role, parts }: ConverterMessage): JsonRecord[] {
  const found = parts.flatMap((part) =>
    part.kind === 'tool_result' ? [{ who: 'ability', use: part.callId, found: part.text, failed: part.isError }] : [],
  )
  const says = parts.flatMap(sayingsOf)
  return says.length === 0 ? found : [...found, { who: role === 'user' ? 'you' : 'me', says }]
}

function sayingsOf(part: ConverterPart): JsonRecord[] {
  switch (part.kind) {
    case 'text':
      return [{ t: part.text }]
    case 'file':
      return [{ picture: { type: part.mime, bytes: part.base64 } }]
    case 'tool_call':
      return [{ use: { id: part.id, call: part.name, with: part.args } }]
    case 'thinking':
    case 'tool_result':
      return []
  }
}

function partOf(value: unknown): ConverterAnswerPart[] {
  const saying = recordOf(value) ?? {}
  const use = recordOf(saying['use'])
  if (use !== undefined) {
    const args = recordOf(use['with']) ?? {}
    return [{ kind: 'tool_call', id: textOf(use['id']), name: textOf(use['call']), args }]
  }
  if (typeof saying['muse'] === 'string') return [{ kind: 'thinking', text: saying['muse'] }]
  return [{ kind: 'text', text: textOf(saying['t']) }]
}

function eventsOf(line: JsonRecord): ConverterEvent[] {
  const index = Number(line['no'] ?? 0)
  switch (line['op']) {
    case 'say':
      return [{ kind: 'text', text: textOf(line['t']) }]
    case 'muse':
      return [{ kind: 'thinking', text: textOf(line['t']) }]
    case 'use':
      return [{ kind: 'tool_call', index, id: textOf(line['id']), name: textOf(line['call']) }]
    case 'with':
      return [{ kind: 'tool_call', index, args: textOf(line['t']) }]
    case 'bye':
      return [
        { kind: 'finish', finish: finishOf(line['why']) },
        { kind: 'usage', usage: usageOf(line['spent']) },
        { kind: 'end' },
      ]
    case 'oops':
      return [{ kind: 'error', message: textOf(line['why']), code: textOf(line['sort']) }]
    default:
      // Signs of life, and what later editions bring.
      return []
  }
}

function finishOf(why: unknown): ConverterFinish {
  if (why === 'full') return 'length'
  if (why === 'uses') return 'tool_calls'
  return why === 'unfit' ? 'content_filter' : 'stop'
}

function usageOf(value: unknown): ConverterUsage {
  const spent = recordOf(value) ?? {}
  return { input: countOf(spent['heard']), output: countOf(spent['said']), thinking: countOf(spent['mused']) }
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function recordOf(value: unknown): JsonRecord | undefined {
  return isRecord(value) ? value : undefined
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
