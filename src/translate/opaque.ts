import type { Profile } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import { asObject, asText, parseJson } from '#kit/json-value.ts'
import type { Opaque } from './common.ts'

/** A signature or encrypted thought as a client of another form keeps it: `lp1.…` (formats §6.1). */
export function sealed(opaque: Opaque): string {
  const { form, family, kind, id, payload, text } = opaque
  const told = {
    s: form,
    f: family,
    k: kind,
    ...(id === undefined ? {} : { id }),
    p: payload,
    ...(text === undefined ? {} : { t: text }),
  }
  return mark + Buffer.from(JSON.stringify(told)).toString('base64url')
}

/**
 * What a client brought back: an envelope of ours, wherever it came from, or what its own form's provider made, which is
 * `form`'s own. Undefined where the envelope is damaged.
 */
export function unsealed(text: string, form: Form, kind: Opaque['kind'], family: string): Opaque | undefined {
  if (text === '') return undefined
  if (text.startsWith(mark)) return opened(text)
  // Gemini's clients keep bytes, so that they have it in base64.
  if (text.startsWith(markInBase64)) {
    const inner = Buffer.from(text, 'base64').toString('latin1')
    if (inner.startsWith(mark)) return opened(inner)
  }
  return { form, family, kind, payload: text }
}

const mark = 'lp1.'
const markInBase64 = 'bHAxL'

function opened(envelope: string): Opaque | undefined {
  const encoded = envelope.slice(mark.length)
  if (!/^[\w-]+=*$/.test(encoded)) return undefined
  const told = asObject(parseJson(Buffer.from(encoded, 'base64url').toString()))
  const form = asText(told?.['s'])
  const family = asText(told?.['f'])
  const kind = kinds.find((known) => known === told?.['k'])
  const payload = asText(told?.['p'])
  if (form === undefined || family === undefined || kind === undefined || payload === undefined) return undefined
  const id = asText(told?.['id'])
  const words = asText(told?.['t'])
  return {
    form,
    family,
    kind,
    payload,
    ...(id === undefined ? {} : { id }),
    ...(words === undefined ? {} : { text: words }),
  }
}

const kinds: readonly Opaque['kind'][] = ['signature', 'encrypted', 'redacted', 'text']

/** May it be sent to this target? Only where it was made: by the same form, and by models of the same family. */
export function isAtHome(opaque: Opaque, form: Form, profile: Profile): boolean {
  return opaque.form === form && opaque.family !== '' && opaque.family === profile.family
}
