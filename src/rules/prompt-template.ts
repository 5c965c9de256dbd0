import type { PromptSources } from './prompt-files.ts'

type Moment = '_DATE' | '_TIME' | '_DATETIME'

/** A prompt whose variables are filled in, but for what only the moment knows. */
export interface PromptTemplate {
  readonly parts: readonly (string | { readonly moment: Moment })[]
  /** Variables that nobody knows; they stay as they are written. */
  readonly unknown: readonly string[]
}

/**
 * Fills in `${NAME}` and `${NAME:-default}`: what the operator says that it is, then what is known of the machine and the
 * moment, then the environment. `$${` is a plain `${`. What comes in is not looked through again.
 */
export function compileTemplate(
  text: string,
  own: Readonly<Record<string, string>>,
  { env, machine }: Pick<PromptSources, 'env' | 'machine'>,
): PromptTemplate {
  const parts: (string | { readonly moment: Moment })[] = []
  const unknown: string[] = []
  let plain = ''
  let from = 0
  const known = new Map([...Object.entries(ofMachine(env, machine)), ...Object.entries(own)])
  for (const match of text.matchAll(reference)) {
    const [written, escaped, name = '', operator, operand = ''] = match
    plain += text.slice(from, match.index)
    from = match.index + written.length
    if (escaped !== undefined) plain += '${'
    else if (isMoment(name) && !Object.hasOwn(own, name)) {
      parts.push(plain, { moment: name })
      plain = ''
    } else {
      const value = known.get(name) ?? (Object.hasOwn(env, name) ? env[name] : undefined)
      const isSet = value !== undefined && !(value === '' && operator === ':-')
      if (isSet) plain += value
      else if (operator !== undefined) plain += operand
      else {
        plain += written
        unknown.push(name)
      }
    }
  }
  parts.push(plain + text.slice(from))
  return { parts: parts.filter((part) => part !== ''), unknown }
}

const reference = /(\$\$\{)|\$\{([A-Za-z_]\w*)(?:(:?-)([^}]*))?\}/g

/** The text at one moment. */
export function textOf({ parts }: PromptTemplate, clockFace: () => string): string {
  return parts.map((part) => (typeof part === 'string' ? part : momentText(part.moment, clockFace()))).join('')
}

export function hasMoment({ parts }: PromptTemplate): boolean {
  return parts.some((part) => typeof part !== 'string')
}

/** `face`: `2025-11-22 01:02:03`. */
function momentText(moment: Moment, face: string): string {
  if (moment === '_DATE') return face.slice(0, 10)
  return moment === '_TIME' ? face.slice(11) : face
}

function isMoment(name: string): name is Moment {
  return name === '_DATE' || name === '_TIME' || name === '_DATETIME'
}

function ofMachine(
  env: PromptSources['env'],
  { os, arch, hostname }: PromptSources['machine'],
): Readonly<Record<string, string>> {
  return {
    _OS: os,
    _ARCH: arch,
    _HOSTNAME: hostname,
    _USER: env['USER'] ?? env['USERNAME'] ?? env['LOGNAME'] ?? '',
    _HOME: env['HOME'] ?? env['USERPROFILE'] ?? '',
    _SHELL: env['SHELL'] ?? env['COMSPEC'] ?? '',
    _LANG: env['LC_ALL'] ?? env['LANG'] ?? '',
  }
}
