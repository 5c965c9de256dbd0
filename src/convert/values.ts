import { isPlainObject, type Tree } from '#config/source.ts'

/** A text or a number as text, without blanks around it; undefined for anything else, and for nothing. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** A number, or a text that is one. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** The number, kept between bounds of the schema. */
export function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}

/** The map, or an empty one; a text that holds JSON, as databases keep it, is read. */
export function mapOf(value: unknown): Tree {
  const found = typeof value === 'string' ? parsed(value) : value
  return isPlainObject(found) ? found : {}
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** Texts of a list, or of one text with commas between them; each once. */
export function textsOf(value: unknown): string[] {
  const parts: unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : []
  return [...new Set(parts.flatMap((part) => textOf(part) ?? []))]
}

/** `1 route`, `2 routes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

/** As a value of the configuration, in which `${` and `$$` mean something. */
export function literal(text: string): string {
  return text.includes('${') || text.includes('$$') ? text.replaceAll('$', '$$$$') : text
}

/** The address of a backend without what it must not have; undefined when it is none. */
export function backendUrl(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined || /[\s\\@?#$]/.test(text) || text.length > 2048 || !URL.canParse(text)) return undefined
  const { protocol, hostname } = new URL(text)
  if (!['http:', 'https:'].includes(protocol) || hostname === '') return undefined
  return text.replace(/\/+$/, '')
}

/** May it be sent as a key? */
export function isKey(text: string): boolean {
  return /^[\u0020-\u007e]{1,16384}$/.test(text)
}

/** Is it a reference to a variable, and nothing else? */
export function isReference(text: string): boolean {
  return /^\$\{[A-Za-z_]\w*(?::-[a-z0-9-]*)?\}$/.test(text)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
