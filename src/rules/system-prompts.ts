import { basename } from 'node:path'
import { compileGlob } from '#kit/glob.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { AddedText, PromptAddition } from '#wire/system-prompt.ts'
import { readFrontMatter } from './front-matter.ts'
import type { PromptFile, PromptSources } from './prompt-files.ts'
import { compileTemplate, hasMoment, textOf, type PromptTemplate } from './prompt-template.ts'
import type { PromptSettings } from './system-prompt-schema.ts'

interface Prompt {
  readonly template: PromptTemplate
  readonly isFor: (model: string) => boolean
  readonly isAfter: boolean
  readonly separator: string
  readonly priority: number
}

// Limit: aliases whose prompts are remembered, since clients can ask for any.
const rememberedMax = 1000

/** The system prompts of the operator. */
export class SystemPrompts {
  readonly #prompts: readonly Prompt[]
  readonly #faces: Intl.DateTimeFormat | undefined
  readonly #byModel = new Map<string, PromptAddition | undefined>()

  /** `zone`: undefined for that of the machine. */
  constructor(prompts: readonly Prompt[], zone: string | undefined) {
    this.#prompts = prompts.toSorted((one, other) => one.priority - other.priority)
    this.#faces = prompts.some(({ template }) => hasMoment(template)) ? clockFaces(zone) : undefined
  }

  /** What is added for requests to this alias; undefined: nothing. */
  additionFor(model: string, nowWallMs: number): PromptAddition | undefined {
    if (this.#byModel.has(model)) return this.#byModel.get(model)
    const meant = this.#prompts.filter(({ isFor }) => isFor(model))
    const face = (): string => this.#faces?.format(nowWallMs) ?? ''
    const addition = joined(meant, face)
    if (this.#byModel.size < rememberedMax && !meant.some(({ template }) => hasMoment(template))) {
      this.#byModel.set(model, addition)
    }
    return addition
  }
}

function clockFaces(zone: string | undefined): Intl.DateTimeFormat {
  // Of all languages, this one writes `2025-11-22 01:02:03`.
  return new Intl.DateTimeFormat('sv-SE', {
    dateStyle: 'short',
    timeStyle: 'medium',
    ...(zone !== undefined && { timeZone: zone }),
  })
}

function joined(prompts: readonly Prompt[], face: () => string): PromptAddition | undefined {
  if (prompts.length === 0) return undefined
  let before: AddedText | undefined
  let after: AddedText | undefined
  for (const { template, isAfter, separator } of prompts) {
    const text = textOf(template, face)
    if (isAfter) after = after === undefined ? { text, separator } : { ...after, text: after.text + separator + text }
    else before = { text: before === undefined ? text : before.text + before.separator + text, separator }
  }
  return { before, after }
}

/** The section, compiled; undefined where it adds nothing. */
export function compilePrompts(
  entries: readonly PromptSettings[],
  sources: PromptSources,
  zone: string | undefined,
  problems: CompileProblem[],
): SystemPrompts | undefined {
  const prompts = entries.flatMap((entry, index) => {
    if (entry.enabled === false) return []
    const tell: Tell = (severity, key, message) => {
      problems.push({ severity, path: ['system_prompts', index, key], message })
    }
    if (entry.text !== undefined) return compilePrompt(entry.text, entry, 'text', '', { sources, tell }) ?? []
    const key = entry.file === undefined ? 'dir' : 'file'
    const files = sources.found.get(index) ?? []
    if (files.length === 0) tell('note', key, 'there are no such files, so it adds nothing')
    return files.flatMap((file) => compileFile(file, entry, key, { sources, tell }) ?? [])
  })
  return prompts.length === 0 ? undefined : new SystemPrompts(prompts, zone)
}

type Tell = (severity: CompileProblem['severity'], key: string, message: string) => void

interface Around {
  readonly sources: PromptSources
  readonly tell: Tell
}

function compileFile(
  { path, content }: PromptFile,
  entry: PromptSettings,
  key: string,
  around: Around,
): Prompt | undefined {
  const { tell } = around
  if ('reason' in content) {
    tell('error', key, `file "${path}" cannot be read: ${content.reason}`)
    return undefined
  }
  const { settings, text, problems } = readFrontMatter(content.text)
  const name = `file "${basename(path)}": `
  for (const problem of problems) tell('error', key, `${name}${problem}`)
  if (settings.enabled === false) return undefined
  const variables = { ...entry.variables, ...settings.variables }
  return compilePrompt(text.trim(), { ...entry, ...settings, variables }, key, name, around)
}

function compilePrompt(
  written: string,
  settings: PromptSettings,
  key: string,
  name: string,
  { sources, tell }: Around,
): Prompt | undefined {
  if (written.trim() === '') {
    tell('warning', key, `${name}the prompt is empty, so it adds nothing`)
    return undefined
  }
  const { models, position, separator, custom_separator: custom, priority = 0, variables = {} } = settings
  const template = compileTemplate(written, variables, sources)
  for (const variable of new Set(template.unknown)) {
    tell('note', key, `${name}"\${${variable}}" stands for nothing that is set, and stays as it is`)
  }
  if (separator === 'custom' && custom === undefined) {
    tell('error', key, `${name}"separator: custom" lacks its "custom_separator"`)
  }
  const globs = models?.map(compileGlob)
  return {
    template,
    isFor: (model) => globs?.some((isLike) => isLike(model)) !== false,
    isAfter: position === 'after' || position === 'append',
    separator:
      separator === undefined && custom !== undefined
        ? custom
        : (separators[separator ?? 'double-newline'] ?? custom ?? ''),
    priority,
  }
}

const separators: Readonly<Record<string, string | undefined>> = {
  newline: '\n',
  'double-newline': '\n\n',
  none: '',
}
