import type { Call } from '#core/call.ts'
import type { Protocol } from '#core/dialect.ts'
import type { Form } from '#core/talk.ts'
import { encode } from '#kit/bytes.ts'
import type { Fetched } from '#translate/fetched-media.ts'
import { isRejection } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { translate } from '#translate/translate.ts'
import { plainPolicy } from './common-request.ts'
import { FakeClock } from './fake-clock.ts'
import type { FieldRow } from './request-fields.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

/** Who is asked. */
export type AskedBackend = readonly [form: Form, protocol: Protocol, model: string]

interface Outcome {
  /** The body, the address and the headers as one text. */
  readonly sent: string
  readonly notes: readonly string[]
  readonly refused: string | undefined
}

async function outcome(
  from: Form,
  body: object,
  headers: Readonly<Record<string, string>>,
  [form, protocol, model]: AskedBackend,
): Promise<Outcome> {
  const call: Call = {
    endpoint: { path: '/', dialect: 'openai', reads: 'json', stream: undefined },
    method: 'POST',
    path: from === 'ollama' ? '/api/chat' : '/v1beta/models/alias:generateContent',
    query: '',
    headers: new Headers(headers),
    model: 'alias',
    stream: false,
    body: encode(JSON.stringify(body)),
    modelAt: { start: 0, end: 0 },
    client: { peer: undefined, tls: false } as unknown as Call['client'],
  }
  const profile = profileOf(form, protocol, model)
  const asked = { call, talk: { form: from, does: 'generate' as const }, form, model, backend: 'b', protocol, profile }
  const fetchMedia = async (url: string): Promise<Fetched> => ({
    mime: url.endsWith('.pdf') ? 'application/pdf' : 'image/png',
    base64: Buffer.from('a file').toString('base64'),
  })
  const told = await translate(
    { ...asked, policy: plainPolicy, requestId: 'req_1' },
    { ids, clock: new FakeClock(), fetchMedia },
  )
  if (isRejection(told)) return { sent: '', notes: [], refused: told.field }
  const { body: bytes, path, query, headers: sentHeaders } = told.call
  const sent = Buffer.from(bytes ?? new Uint8Array()).toString()
  return {
    sent: `${path}?${query}\n${JSON.stringify([...sentHeaders])}\n${sent}`,
    notes: told.warnings.fields.map(([code, field]) => `${code} ${field}`),
    refused: undefined,
  }
}

/** Undefined: nobody is told that the backend does not get it. */
function fateOf(row: FieldRow, before: Outcome, after: Outcome): 'carried' | 'noted' | 'refused' | undefined {
  if (after.refused !== undefined) return names(after.refused, row.field) ? 'refused' : undefined
  if (row.mark !== undefined && after.sent.includes(row.mark)) return 'carried'
  if (after.notes.some((note) => !before.notes.includes(note))) return 'noted'
  return row.mark === undefined && after.sent !== before.sent ? 'carried' : undefined
}

/** A refusal says the field, or what it stands in. */
function names(refused: string, field: string): boolean {
  const words = (text: string): string[] => text.split(/[^A-Za-z]+/).filter((word) => word !== '')
  const said = new Set(words(refused))
  const isPart = said.has('messages') || said.has('input') || said.has('contents') || said.has('systemInstruction')
  return isPart || words(field).some((word) => said.has(word))
}

/** Fields of the rows that neither reach the backend nor are told of. */
export async function lostTo(backend: AskedBackend, from: Form, rows: readonly FieldRow[]): Promise<readonly string[]> {
  const lost: string[] = []
  for (const row of rows) {
    const before = await outcome(from, row.without, {}, backend)
    if (before.refused !== undefined) {
      // What the field stands in is refused already.
      if (!names(before.refused, row.field)) lost.push(`${row.field}: ${before.refused} is refused without it`)
      continue
    }
    const after = await outcome(from, row.body, row.headers ?? {}, backend)
    if (row.isSo?.(profileOf(...backend)) === true) continue
    if (row.within !== undefined && before.notes.some((note) => note.startsWith(row.within ?? ''))) continue
    if (fateOf(row, before, after) === undefined) lost.push(`${row.field} ${endOf(row)}${after.refused ?? ''}`)
  }
  return lost
}

/** The end of the body, where the field is, for whoever reads of a failure. */
function endOf({ body }: FieldRow): string {
  return JSON.stringify(body).slice(-lengthMax)
}

/** Limit: characters of it. */
const lengthMax = 80
