import { isAbsolute, resolve } from 'node:path'
import type { SecretFiles } from '#ports/secret-files.ts'

/** Where references of the configuration are looked up. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: SecretFiles
  /** Folder from which relative paths are meant. */
  readonly directory: string
  /** Stands for what cannot be found; undefined: nothing does. */
  readonly standIn?: string | undefined
}

/** A text with its references replaced. */
export interface Expansion {
  readonly text: string
  /** The text was nothing but one reference, so that it may stand for a number or a boolean too. */
  readonly whole: boolean
  /** Variables that it wants and that are not set. */
  readonly unset: readonly string[]
  /** Variables that it names. */
  readonly variables: readonly string[]
  readonly problems: readonly ExpansionProblem[]
  /** Files that it names, found or not. */
  readonly files: readonly string[]
  /** Contents of files: never to be shown. */
  readonly secrets: readonly string[]
}

export interface ExpansionProblem {
  readonly severity: 'error' | 'warning'
  /** Set when the problem is only that this variable is not there. */
  readonly unset?: string
  /** There is nothing at the place that is named, or this user may not see it. */
  readonly isMissing?: boolean
  readonly message: string
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}`, `${file:path}`, `${cred:name}`, `$$`, and
 * `os.environ/VAR` as a whole text. What comes in is not looked through again; a default may hold references of its own.
 * Undefined when there is nothing to replace.
 */
export async function expand(written: string, sources: Sources): Promise<Expansion | undefined> {
  const text = written.replace(/^os\.environ\/([A-Za-z_]\w*)$/, '${$1}')
  if (!text.includes('${') && !text.includes('$$')) return undefined
  const run = new Run(sources)
  const expanded = await run.replace(text, 0)
  return {
    text: expanded,
    whole: text.startsWith('${') && closingBrace(text, 0) === text.length - 1,
    unset: run.problems.flatMap(({ unset }) => unset ?? []),
    variables: run.variables,
    problems: run.problems,
    files: run.files,
    secrets: run.secrets,
  }
}

/** The content of a file that is named without `${file:…}`, as if it were. */
export async function expandFile(path: string, sources: Sources): Promise<Expansion> {
  const run = new Run(sources)
  const text = await run.readFile(path)
  return {
    text,
    whole: true,
    unset: [],
    variables: [],
    problems: run.problems,
    files: run.files,
    secrets: run.secrets,
  }
}

class Run {
  readonly problems: ExpansionProblem[] = []
  readonly variables: string[] = []
  readonly files: string[] = []
  readonly secrets: string[] = []
  readonly #sources: Sources

  constructor(sources: Sources) {
    this.#sources = sources
  }

  async replace(text: string, depth: number): Promise<string> {
    let expanded = ''
    let from = 0
    for (;;) {
      const at = text.indexOf('$', from)
      if (at === -1) return expanded + text.slice(from)
      expanded += text.slice(from, at)
      if (text[at + 1] === '$') {
        expanded += '$'
        from = at + 2
      } else if (text[at + 1] === '{') {
        const end = closingBrace(text, at)
        if (end === -1) {
          this.#error('"${" is not closed by "}"; write "$$" for a plain "$"')
          return expanded + text.slice(at)
        }
        expanded += await this.#lookUp(text.slice(at + 2, end), depth)
        from = end + 1
      } else {
        expanded += '$'
        from = at + 1
      }
    }
  }

  async #lookUp(reference: string, depth: number): Promise<string> {
    if (reference.startsWith('file:')) return await this.readFile(reference.slice('file:'.length))
    if (reference.startsWith('cred:')) return await this.#readCredential(reference.slice('cred:'.length))
    const match = /^([A-Za-z_]\w*)(?:(:?[-?])(.*))?$/s.exec(reference)
    if (match === null) {
      return this.#error(
        `"\${${reference.slice(0, 64)}}" is no reference: expected "\${NAME}", "\${NAME:-default}", ` +
          '"${file:path}" or "${cred:name}"; write "$$" for a plain "$"',
      )
    }
    const [, name = '', operator = '', operand = ''] = match
    this.variables.push(name)
    const value = this.#sources.env[name]
    if (value?.includes('\0') === true) return this.#error(`environment variable "${name}" holds a NUL byte`)
    if (value !== undefined && !(value === '' && operator.startsWith(':'))) return value
    if (operator.endsWith('-')) {
      // Limit: a default may name another reference, and that one's default none.
      if (depth > 0 && operand.includes('${')) return this.#error('references are nested deeper than one level')
      return await this.replace(operand, depth + 1)
    }
    const reason = operand === '' ? `set it, or write "\${${name}:-…}" to give a default` : operand
    this.problems.push({
      severity: 'error',
      unset: name,
      isMissing: true,
      message: `environment variable "${name}" is not set: ${reason}`,
    })
    return this.#sources.standIn ?? ''
  }

  async #readCredential(name: string): Promise<string> {
    if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) return this.#error(`"${name}" is no name of a credential`)
    const folder = this.#sources.env['CREDENTIALS_DIRECTORY']
    if (folder === undefined || folder === '') {
      return this.#missing(
        `there is no credential "${name}": "CREDENTIALS_DIRECTORY" is not set, is the service run by systemd?`,
      )
    }
    return await this.#read(resolve(folder, name), false)
  }

  async readFile(path: string): Promise<string> {
    if (path === '' || path.includes('\0')) return this.#error('"${file:…}" lacks the path of a file')
    return await this.#read(isAbsolute(path) ? path : resolve(this.#sources.directory, path), true)
  }

  async #read(path: string, warnShared: boolean): Promise<string> {
    this.files.push(path)
    try {
      const { bytes, shared } = await this.#sources.files.read(path)
      const content = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
      if (content === '') return this.#error(`file "${path}" is empty`)
      // Limit: larger files are no secrets; the reader stops just above.
      if (bytes.length > 64 * 1024) return this.#error(`file "${path}" is larger than 64kb`)
      if (content.includes('\0')) return this.#error(`file "${path}" holds a NUL byte`)
      if (shared && warnShared) {
        this.problems.push({ severity: 'warning', message: `others can read file "${path}": set its mode to 600` })
      }
      this.secrets.push(content)
      return content
    } catch (error) {
      return this.#missing(`file "${path}" cannot be read: ${reasonOf(error)}`)
    }
  }

  #missing(message: string): string {
    this.problems.push({ severity: 'error', isMissing: true, message })
    return this.#sources.standIn ?? ''
  }

  #error(message: string): '' {
    this.problems.push({ severity: 'error', message })
    return ''
  }
}

/** Index of the brace that closes the reference starting at `at`, or -1. */
function closingBrace(text: string, at: number): number {
  let depth = 0
  for (let index = at; index < text.length; index += 1) {
    if (text[index] === '$' && text[index + 1] === '{') {
      depth += 1
      index += 1
    } else if (text[index] === '}') {
      depth -= 1
      if (depth === 0) return index
    }
  }
  return -1
}

/** Why a file could not be used, without its content. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return 'there is none'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'it is a folder'
  return code === '' ? 'it failed' : code
}
