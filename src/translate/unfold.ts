import type { IdSource } from './codec.ts'
import type { CommonEvent, CommonResponse, Part, PartHead, PartMeta } from './common.ts'
import { argsText } from './tool-args.ts'

/** A whole answer as the stream that it might have been, each part in one piece. */
export function unfolded(response: CommonResponse, ids: IdSource, nowSeconds: number): readonly CommonEvent[] {
  const events: CommonEvent[] = [
    {
      event: 'start',
      id: response.id ?? ids.base62(idLength),
      model: response.model,
      createdAt: response.createdAt ?? nowSeconds,
      ...(response.tier !== undefined && { tier: response.tier }),
      ...(response.fingerprint !== undefined && { fingerprint: response.fingerprint }),
    },
  ]
  for (const { index, parts } of response.choices) {
    let number = 0
    for (const part of parts) {
      const head = headOf(part)
      if (head !== undefined) addPart(events, index, number++, part, head)
    }
  }
  if (response.usage !== undefined) events.push({ event: 'usage', usage: response.usage })
  for (const { index, finish } of response.choices) events.push({ event: 'finish', choice: index, finish })
  events.push({ event: 'end' })
  return events
}

const idLength = 24

function addPart(events: CommonEvent[], choice: number, number: number, part: Part, head: PartHead): void {
  events.push({ event: 'part_start', choice, part: number, head })
  const text = textOf(part)
  if (text !== '') events.push({ event: 'part_delta', choice, part: number, text })
  for (const meta of metasOf(part)) events.push({ event: 'part_meta', choice, part: number, meta })
  events.push({ event: 'part_end', choice, part: number })
}

/** Undefined for what stands in no answer, and for what says nothing. */
function headOf(part: Part): PartHead | undefined {
  switch (part.kind) {
    case 'text':
      return part.text === '' && metasOf(part).length === 0 ? undefined : { kind: 'text' }
    case 'refusal':
      return { kind: 'refusal' }
    case 'reasoning': {
      const { text, style, isRedacted, opaque } = part
      return text === '' && opaque === undefined ? undefined : { kind: 'reasoning', style, isRedacted }
    }
    case 'tool_call': {
      const { kind, id, name, namespace, isCustom, tool } = part
      return { kind, id, name, isCustom, tool, ...(namespace !== undefined && { namespace }) }
    }
    case 'media':
    case 'native':
      return part.kind === 'media' ? { kind: 'media', part } : { kind: 'native', part }
    case 'tool_result':
      return undefined
  }
}

function textOf(part: Part): string {
  switch (part.kind) {
    case 'text':
    case 'refusal':
    case 'reasoning':
      return part.text
    case 'tool_call':
      return part.isCustom && 'raw' in part.args ? part.args.raw : argsText(part.args)
    case 'media':
    case 'native':
    case 'tool_result':
      return ''
  }
}

function metasOf(part: Part): readonly PartMeta[] {
  if (part.kind === 'text') {
    const metas: PartMeta[] = []
    if (part.logprobs !== undefined) metas.push({ logprobs: part.logprobs })
    for (const annotation of part.annotations ?? []) metas.push({ annotation })
    if (part.opaque !== undefined) metas.push({ opaque: part.opaque })
    return metas
  }
  const opaque = part.kind === 'reasoning' || part.kind === 'tool_call' ? part.opaque : undefined
  return opaque === undefined ? [] : [{ opaque }]
}
