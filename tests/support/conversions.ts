import { expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadText } from '#boot/load.ts'
import { formatProblem } from '#config/problem.ts'
import { isPlainObject } from '#config/source.ts'
import { convert, type Converted, type ConvertInput } from '#convert/convert.ts'
import type { Form } from '#convert/form.ts'

/** Old configurations, and what is to become of each. */
export const folder = join(dirname(import.meta.dir), 'convert')

export const samples: readonly { readonly file: string; readonly form: Form; readonly movesKeys?: boolean }[] = [
  { file: 'secrets.json', form: 'secrets' },
  { file: 'backends.json', form: 'backends' },
  { file: 'ococl-1.yaml', form: 'ococl', movesKeys: true },
  { file: 'ococl-2.1.yaml', form: 'ococl' },
  { file: 'proxy-llm.yaml', form: 'proxy-llm' },
  { file: 'litellm.yaml', form: 'litellm', movesKeys: true },
  { file: 'litellm-clouds.yaml', form: 'litellm', movesKeys: true },
  { file: 'new-api.json', form: 'one-api' },
  { file: 'new-api-clouds.json', form: 'one-api', movesKeys: true },
  { file: 'one-api.json', form: 'one-api', movesKeys: true },
  { file: 'one-api-clouds.json', form: 'one-api', movesKeys: true },
]

export function inputOf(file: string, change: Partial<ConvertInput> = {}): ConvertInput {
  const env = join(folder, file.replace(/\.\w+$/, '.env'))
  return {
    file,
    text: readFileSync(join(folder, file), 'utf8'),
    form: undefined,
    env: existsSync(env) ? readFileSync(env, 'utf8') : undefined,
    models: [],
    reference: file,
    movesKeys: false,
    ...change,
  }
}

export function converted(input: ConvertInput): Converted {
  const result = convert(input)
  if (typeof result === 'string') throw new Error(result)
  return result
}

export async function errorsOf({ yaml, standIns }: Converted): Promise<string[]> {
  const loaded = await loadText(
    { file: join(folder, 'config.yaml'), text: yaml, isFile: true },
    {
      env: standIns,
      version: 1,
      listen: {},
      standIns: true,
    },
  )
  return loaded.problems.filter(({ severity }) => severity === 'error').map(formatProblem)
}

// Whatever other programs let pass may stand in their files.
const strange: readonly unknown[] = [
  null,
  true,
  -1,
  1e30,
  '',
  'a\nb: c\u0000\u2028',
  '${NOT_SET',
  '$$',
  'https://user:pass@host/?q#f',
  [],
  {},
  ['x', 7, null],
  { 'a/*b*/': [1] },
]

/** A file whose values are anything must give a configuration that is valid. */
export async function expectValid(file: string, form: Form): Promise<void> {
  const { text } = inputOf(file)
  const seen = new Set<string>()
  const original: unknown = file.endsWith('.json') ? Bun.JSON5.parse(text) : Bun.YAML.parse(text)
  for (const path of pathsIn(original)) {
    for (const value of strange) {
      const changed = JSON.stringify(replaced(original, path, value))
      const result = convert(inputOf(file, { text: changed, form }))
      if (typeof result === 'string' || seen.has(bodyOf(result))) continue
      seen.add(bodyOf(result))
      const errors = await errorsOf(result)
      expect({ path, value, errors }).toEqual({ path, value, errors: [] })
    }
  }
}

/** Without the remarks at the top. */
function bodyOf({ yaml }: Converted): string {
  return yaml.replace(/^(?:#.*\n)+/, '')
}

function pathsIn(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const inner = Array.isArray(value)
    ? value.flatMap((each, index) => pathsIn(each, [...path, index]))
    : isPlainObject(value)
      ? Object.entries(value).flatMap(([key, each]) => pathsIn(each, [...path, key]))
      : []
  return path.length === 0 ? inner : [path, ...inner]
}

function replaced(value: unknown, [step, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (step === undefined) return by
  if (Array.isArray(value)) return value.map((each, index) => (index === step ? replaced(each, rest, by) : each))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, key === step ? replaced(each, rest, by) : each]),
  )
}
