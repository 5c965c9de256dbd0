import { findJson5Fault } from './json5-fault.ts'

/** One entry of a secrets file: its name for logs, and the fields that tokens are made of. */
export interface SecretsEntry {
  readonly name: string
  readonly fields: ReadonlyMap<string, string>
}

/** The entries of a secrets file, or everything that is wrong with it, each in one sentence. */
export type SecretsFile = { readonly entries: readonly SecretsEntry[] } | { readonly faults: readonly string[] }

/** Unknown fields, which are ignored, are told beside the entries. */
export type ReadSecrets = SecretsFile & { readonly doubts: readonly string[] }

/**
 * Reads a file of client ids, secrets and tenants: a JSON list, comments and trailing commas allowed. Every entry must
 * have the fields of `claims`, and `clientSecret`. `nameless` begins the names of entries that have none. What it says
 * tells of an entry no more than its index and the names of its fields.
 */
export function readSecretsFile(text: string, claims: readonly string[], nameless: string): ReadSecrets {
  const fault = findJson5Fault(text)
  if (fault !== undefined) return { faults: [`no JSON: line ${fault.line}, column ${fault.column}`], doubts: [] }
  const list = parsed(text)
  if (list === undefined) return { faults: ['no JSON'], doubts: [] }
  if (!Array.isArray(list))
    return { faults: ['no list, write "[" before the first entry and "]" after the last'], doubts: [] }
  if (list.length === 0) return { faults: ['an empty list, and needs at least one entry'], doubts: [] }
  const wanted = [...new Set([...claims, 'clientSecret'])]
  const entries: SecretsEntry[] = []
  const faults: string[] = []
  const doubts: string[] = []
  for (const [index, written] of list.entries()) {
    const values = entriesOf(written)
    if (values === undefined) {
      faults.push(`index ${index}: not an object`)
      continue
    }
    faults.push(...faultsIn(values, wanted).map((found) => `index ${index}: ${found}`))
    const unknown = [...values.keys()].filter((key) => !bookkeeping.has(key) && !wanted.includes(key))
    for (const key of unknown) if (!allFields.has(key)) doubts.push(`index ${index}: ${shown(key)} means nothing here`)
    const fields = new Map(wanted.map((field) => [field, textOf(values.get(field))]))
    entries.push({ name: nameOf(values, nameless), fields })
  }
  return faults.length > 0 ? { faults, doubts } : { entries, doubts }
}

/** Kept for the sake of those who read the file; never part of a token unless `claims` names them. */
const bookkeeping: ReadonlySet<string> = new Set(['name', 'agent', 'appToAccess'])
const allFields: ReadonlySet<string> = new Set(['clientId', 'clientSecret', 'tenant'])

function faultsIn(values: ReadonlyMap<string, unknown>, wanted: readonly string[]): string[] {
  const faults = wanted.flatMap((field) => {
    const value = values.get(field)
    if (value === undefined || value === null) return `${field} is missing`
    if (typeof value !== 'string') return `${field} is no text, put it in quotes`
    return value.trim() === '' ? `${field} is blank` : []
  })
  const name = values.get('name')
  if (name !== undefined && typeof name !== 'string') faults.push('name is no text, put it in quotes')
  // oxlint-disable-next-line no-control-regex -- names stand in log lines
  else if (name !== undefined && (name.length > 200 || /[\u0000-\u001f\u007f]/.test(name))) {
    faults.push('name is longer than 200 characters or holds control characters')
  }
  return faults
}

function nameOf(values: ReadonlyMap<string, unknown>, nameless: string): string {
  const name = textOf(values.get('name')).trim()
  return name === '' ? `${nameless}-${textOf(values.get('clientId')).slice(0, 8)}...` : name
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A misspelt key is no secret, but a key and its value may have changed places. */
function shown(key: string): string {
  return /^\w{1,32}$/.test(key) ? `"${key}"` : 'a field'
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined
}

function parsed(text: string): unknown {
  try {
    return Bun.JSON5.parse(text)
  } catch {
    return undefined
  }
}
