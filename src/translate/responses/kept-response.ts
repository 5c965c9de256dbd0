import { refuse, type Refusal } from '#core/refusal.ts'
import { asText, type JsonObject } from '#kit/json-value.ts'
import type { RecallStore } from '#translate/recall.ts'

/** Something that is asked of an earlier answer by its id. */
export interface AskedOfKept {
  readonly method: string
  /** Behind `/responses/`, segment by segment. */
  readonly rest: readonly string[]
  /** Without `?`. */
  readonly query: string
}

/**
 * What is kept of a translated answer, as OpenAI's own clients ask for it (formats §5.11); no backend has it. Undefined: it
 * is not kept for this tenant, or something else is meant.
 */
export function keptResponse(
  store: RecallStore,
  tenant: string,
  { method, rest, query }: AskedOfKept,
): JsonObject | Refusal | undefined {
  const [id, verb, more] = rest
  const answer = id === undefined || more !== undefined ? undefined : store.answer(tenant, id)
  if (id === undefined || answer === undefined) return undefined
  const params = new URLSearchParams(query)
  switch (`${method} ${verb ?? ''}`) {
    case 'GET ':
      return params.get('stream')?.toLowerCase() === 'true' ? noStream : answer
    case 'DELETE ':
      store.forget(tenant, id)
      return { id, object: 'response.deleted', deleted: true }
    case 'GET input_items':
      return pageOf(
        store.input(tenant, id).map((item, at) => listed(item, id, at)),
        params,
      )
    case 'POST cancel':
      return notInBackground
    default:
      return undefined
  }
}

const noStream = refuse(
  'invalid_parameter',
  'Cannot stream the response: it was translated and is kept as a whole, ask for it without "stream"',
  { param: 'stream' },
)

const notInBackground = refuse(
  'invalid_parameter',
  'Cannot cancel the response: it is a synchronous one, and only those that were made in the background can be cancelled',
)

/** The newest first, unless it is asked otherwise. */
function pageOf(items: readonly JsonObject[], params: URLSearchParams): JsonObject | Refusal {
  const limit = params.get('limit') ?? '20'
  // Limit: items of one page.
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > 100) {
    return refuse('invalid_parameter', 'Cannot list the items: "limit" is no number from 1 to 100', { param: 'limit' })
  }
  const order = params.get('order') ?? 'desc'
  if (order !== 'asc' && order !== 'desc') {
    return refuse('invalid_parameter', 'Cannot list the items: "order" is neither "asc" nor "desc"', { param: 'order' })
  }
  const sorted = order === 'asc' ? items : items.toReversed()
  const after = params.get('after')
  const start = after === null || after === '' ? 0 : sorted.findIndex((item) => item['id'] === after) + 1
  if (after !== null && after !== '' && start === 0) {
    return refuse('invalid_parameter', 'Cannot list the items: none of them has the id in "after"', { param: 'after' })
  }
  const data = sorted.slice(start, start + Number(limit))
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: start + data.length < sorted.length,
  }
}

/** With everything that its type has; clients may leave much of it out. An id that it lacks is the same each time. */
function listed(item: JsonObject, responseId: string, at: number): JsonObject {
  const type = asText(item['type']) ?? 'message'
  const id = asText(item['id']) ?? `${prefixes.get(type) ?? 'item'}_${responseId.replace(/^resp_/, '')}${at}`
  if (type !== 'message') return { ...item, id }
  const { content } = item
  const textType = item['role'] === 'assistant' ? 'output_text' : 'input_text'
  const parts =
    typeof content === 'string'
      ? [{ type: textType, text: content, ...(textType === 'output_text' && { annotations: [] }) }]
      : content
  return { status: 'completed', ...item, id, type, content: parts }
}

const prefixes: ReadonlyMap<string, string> = new Map([
  ['message', 'msg'],
  ['reasoning', 'rs'],
  ['function_call', 'fc'],
  ['function_call_output', 'fco'],
  ['custom_tool_call', 'ctc'],
  ['custom_tool_call_output', 'ctco'],
])
