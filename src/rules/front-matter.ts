import * as v from 'valibot'
import { parseDocument } from 'yaml'
import { asObject, asText } from '#kit/json-value.ts'
import { promptEntries, type PromptSettings } from './system-prompt-schema.ts'

/** What a file says of its prompt, and the prompt. */
export interface FrontMatter {
  readonly settings: Omit<PromptSettings, 'text' | 'file' | 'dir'>
  readonly text: string
  /** What it says that nobody understands. */
  readonly problems: readonly string[]
}

const known = v.object(promptEntries)

/** Takes the YAML between two lines of `---` off the beginning of a file. */
export function readFrontMatter(content: string): FrontMatter {
  const match = /^\s*---[ \t]*\r?\n(?:([^]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(content)
  if (match === null) return { settings: {}, text: content, problems: [] }
  const text = content.slice(match[0].length)
  const document = parseDocument(match[1] ?? '', { logLevel: 'silent' })
  if (document.errors.length > 0) return { settings: {}, text, problems: ['it is no YAML'] }
  const value = valueOf(document)
  if (value === noValue) return { settings: {}, text, problems: ['it refers to itself, which is not supported'] }
  const tree = asObject(value)
  if (tree === undefined) {
    // A line of `---` alone is no more than a line.
    return value === null ? { settings: {}, text, problems: [] } : { settings: {}, text: content, problems: [] }
  }
  return { ...validated(tree), text }
}

const noValue = Symbol('no value')

/** It throws where something refers to what stands elsewhere, of which few make many. */
function valueOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch {
    return noValue
  }
}

function validated(tree: Readonly<Record<string, unknown>>): Pick<FrontMatter, 'settings' | 'problems'> {
  const problems: string[] = []
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(tree)) {
    if (!Object.hasOwn(promptEntries, key)) problems.push(`"${key}" is unknown`)
    else if (value !== null) given[key] = key === 'models' ? listOf(value) : value
  }
  const parsed = v.safeParse(known, given)
  if (parsed.success) return { settings: parsed.output, problems }
  for (const issue of parsed.issues) problems.push(`"${v.getDotPath(issue) ?? ''}": ${issue.message}`)
  return { settings: {}, problems }
}

/** One name, or several with commas between them, are a list too. */
function listOf(value: unknown): unknown {
  const text = asText(value)
  return text === undefined
    ? value
    : text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
}
