import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadText } from '#boot/load.ts'
import { formatProblem } from '#config/problem.ts'
import { isPlainObject } from '#config/source.ts'
import { convert, type Converted, type ConvertInput } from '#convert/convert.ts'
import { forms, type Form } from '#convert/form.ts'
import { renderFindings } from '#convert/ledger.ts'

const folder = join(dirname(dirname(import.meta.dir)), 'convert')

const samples: readonly { readonly file: string; readonly form: Form; readonly movesKeys?: boolean }[] = [
  { file: 'secrets.json', form: 'secrets' },
  { file: 'backends.json', form: 'backends' },
  { file: 'ococl-1.yaml', form: 'ococl', movesKeys: true },
  { file: 'ococl-2.1.yaml', form: 'ococl' },
  { file: 'proxy-llm.yaml', form: 'proxy-llm' },
  { file: 'litellm.yaml', form: 'litellm', movesKeys: true },
  { file: 'new-api.json', form: 'one-api' },
  { file: 'one-api.json', form: 'one-api', movesKeys: true },
]

function inputOf(file: string, change: Partial<ConvertInput> = {}): ConvertInput {
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

function converted(input: ConvertInput): Converted {
  const result = convert(input)
  if (typeof result === 'string') throw new Error(result)
  return result
}

async function errorsOf({ yaml, addressVariables }: Converted): Promise<string[]> {
  const loaded = await loadText(
    { file: join(folder, 'config.yaml'), text: yaml, isFile: true },
    {
      env: Object.fromEntries(addressVariables.map((name) => [name, 'http://127.0.0.1:1'])),
      version: 1,
      listen: {},
      standIns: true,
    },
  )
  return loaded.problems.filter(({ severity }) => severity === 'error').map(formatProblem)
}

describe.each([...samples])('$file', ({ file, form, movesKeys = false }) => {
  const result = converted(inputOf(file, { movesKeys }))

  test('is known for what it is', () => {
    expect(result.form).toBe(form)
  })

  test('becomes the configuration and the report that are expected (UPDATE_EXPECTED=1 writes them)', () => {
    const expected = join(folder, file.replace(/\.\w+$/, '.expected'))
    const moved = result.keys.map(({ place, variable }) => `${variable}: ${place}\n`).join('')
    const text = `${renderFindings(result.findings)}Keys:\n${moved}\n${result.yaml}`
    if (process.env['UPDATE_EXPECTED'] === '1') writeFileSync(expected, text)
    expect(text).toBe(readFileSync(expected, 'utf8'))
  })

  test('gives a configuration without errors', async () => {
    expect(await errorsOf(result)).toEqual([])
  })

  test('gives none of its keys away when they are to be moved, and none in the report in any case', () => {
    const { yaml, findings, keys } = converted(inputOf(file, { movesKeys: true }))
    const secrets = /\b(?:sk-[\w-]+|your-client-secret-\d|your-secret-key-here|azure-key)\b/g
    const written = inputOf(file).text.match(secrets) ?? []
    for (const secret of written) {
      expect(yaml).not.toContain(secret)
      expect(renderFindings(findings)).not.toContain(secret)
      expect(JSON.stringify(keys)).not.toContain(secret)
    }
  })
})

test('there is a sample of every form', () => {
  expect([...new Set(samples.map(({ form }) => form))].toSorted()).toEqual([...forms].toSorted())
})

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

test.each(samples.filter(({ form }) => form !== 'ococl' && form !== 'proxy-llm'))(
  '$file stays valid whatever stands in place of any of its values',
  async ({ file, form }) => {
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
  },
)

test.each(samples)('$file is read or refused in words, cut off anywhere', ({ file }) => {
  const { text } = inputOf(file)
  for (let length = 0; length < text.length; length += 17) {
    expect(() => convert(inputOf(file, { text: text.slice(0, length) }))).not.toThrow()
  }
})

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
