import type { Masker } from './mask.ts'

/** What changed between two JSON bodies, by top-level key. */
export interface RequestDiff {
  /** False when one of the bodies is no JSON object, or was cut; then nothing is known. */
  readonly comparable: boolean
  readonly added: Readonly<Record<string, unknown>>
  readonly removed: Readonly<Record<string, unknown>>
  readonly modified: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>
}

/** Compares the client's body with the one that was sent on. `model` is left out: replacing it is our work. */
export function requestDiff(
  before: Uint8Array | undefined,
  after: Uint8Array,
  masker: Masker | undefined,
): RequestDiff {
  const from = readObject(before)
  const to = readObject(after)
  if (from === undefined || to === undefined) return { comparable: false, added: {}, removed: {}, modified: {} }
  const show = (key: string, value: unknown): unknown => summary(key, value, masker)
  // Built by fromEntries, which is safe with a key such as "__proto__".
  const added = [...to].filter(([key]) => !from.has(key)).map(([key, value]) => [key, show(key, value)] as const)
  const removed = [...from].filter(([key]) => !to.has(key)).map(([key, value]) => [key, show(key, value)] as const)
  const modified = [...to]
    .filter(([key, value]) => from.has(key) && JSON.stringify(from.get(key)) !== JSON.stringify(value))
    .map(([key, value]) => [key, { from: show(key, from.get(key)), to: show(key, value) }] as const)
  return {
    comparable: true,
    added: Object.fromEntries(added),
    removed: Object.fromEntries(removed),
    modified: Object.fromEntries(modified),
  }
}

/** Limits of what is shown: longer values are told by their size. */
const valueLengthMax = 1000
const listLengthMax = 5

function readObject(body: Uint8Array | undefined): Map<string, unknown> | undefined {
  if (body === undefined) return undefined
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return new Map(Object.entries(value).filter(([key]) => key !== 'model'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function summary(key: string, value: unknown, masker: Masker | undefined): unknown {
  if (Array.isArray(value) && value.length > listLengthMax) return `(list of ${value.length})`
  const text = JSON.stringify(value)
  if (text.length > valueLengthMax) {
    return typeof value === 'string' ? `(text of ${value.length} characters)` : `(${text.length} characters of JSON)`
  }
  return masker === undefined ? value : maskedValue(key, value, masker)
}

/** Text is judged by its key too: a lone string says nothing about being a password. */
function maskedValue(key: string, value: unknown, masker: Masker): unknown {
  if (typeof value === 'string') return masker.maskHeader(key.replaceAll('_', '-'), value)
  if (Array.isArray(value)) return value.map((element) => maskedValue(key, element, masker))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([inner, each]) => [inner, maskedValue(inner, each, masker)]))
}
