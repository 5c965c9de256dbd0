import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { loadText } from '#boot/load.ts'
import { whyUnreadable } from '#boot/unreadable.ts'
import { formatProblem, refuses } from '#config/problem.ts'
import { convert, type Converted } from '#convert/convert.ts'
import { formNames, forms, isForm } from '#convert/form.ts'
import { renderFindings } from '#convert/ledger.ts'
import { printable } from '#kit/printable.ts'
import { exit } from './exit.ts'
import type { Io } from './io.ts'

export interface ConvertOptions {
  readonly file: string | undefined
  /** Default: as the file looks. */
  readonly from: string | undefined
  /** Default: standard output. */
  readonly output: string | undefined
  /** A file of variables beside it. */
  readonly env: string | undefined
  /** `env` or `keep`, the default. */
  readonly keys: string | undefined
  readonly models: readonly string[]
}

/**
 * `llm-proxy convert FILE`: makes a configuration out of one of another gateway. The report goes to standard error.
 * Resolves with 0, with 1 when the result is not valid or cannot be written, or with 2 when there is nothing to convert.
 */
export async function convertFile(options: ConvertOptions, io: Io): Promise<number> {
  const { file, from = 'auto', output, keys = 'keep' } = options
  const refuse = (reason: string): number => {
    io.stderr(`llm-proxy convert: ${printable(reason)}\n`)
    return exit.usage
  }
  if (file === undefined) return refuse('name the file; "llm-proxy convert --help" explains')
  if (from !== 'auto' && !isForm(from)) return refuse(`--from: expected auto, ${forms.join(', ')}`)
  if (keys !== 'env' && keys !== 'keep') return refuse('--keys: expected env or keep')
  if (output !== undefined && existsSync(output)) {
    return refuse(`cannot write "${output}": it exists already, and is left as it is`)
  }
  const text = await textIn(file)
  if (text.fault !== undefined) return refuse(`cannot read "${file}": ${text.fault}`)
  const env = options.env === undefined ? undefined : await textIn(options.env)
  if (env?.fault !== undefined) return refuse(`cannot read "${options.env}": ${env.fault}`)
  const target = output ?? 'config.yaml'
  const converted = convert({
    file,
    text: text.content,
    form: from === 'auto' ? undefined : from,
    env: env?.content,
    models: options.models,
    reference: relative(dirname(resolve(target)), resolve(file)).replaceAll('\\', '/'),
    movesKeys: keys === 'env',
  })
  if (typeof converted === 'string') return refuse(`cannot convert "${file}": ${converted}`)

  const isValid = await tell(file, target, converted, keys === 'env', io)
  if (output === undefined) io.stdout(converted.yaml)
  else if (!(await written(output, converted.yaml, io))) return exit.failed
  return isValid ? exit.done : exit.failed
}

/** Tells what became of the file, and whether the result is one that a start would take. */
async function tell(file: string, target: string, converted: Converted, isMoved: boolean, io: Io): Promise<boolean> {
  const { form, findings, keys, variables, yaml } = converted
  io.stderr(`${printable(file)} was read as ${formNames[form]} (--from ${form}).\n${renderFindings(findings)}`)
  if (keys.length > 0 && isMoved) {
    io.stderr('Keys became variables:\n')
    for (const { place, variable } of keys) io.stderr(`  ${variable}: ${printable(place)}\n`)
  } else if (keys.length > 0) {
    io.stderr(`Keys stand in it in clear, ${keys.length} of them: "--keys env" makes variables of them.\n`)
  }
  const unset = variables.filter((name) => io.env[name] === undefined)
  if (unset.length > 0) io.stderr(`Variables to be set where the gateway runs: ${unset.join(', ')}\n`)
  const { snapshot, problems } = await loadText(
    { file: target, text: yaml, isFile: true },
    { env: { ...converted.standIns, ...io.env }, version: 1, listen: {}, standIns: true },
  )
  const lines = problems.filter(({ severity }) => severity !== 'note').map(formatProblem)
  if (lines.length > 0)
    io.stderr(`What "llm-proxy check" says of the result:\n${lines.map((line) => `  ${line}\n`).join('')}`)
  // Without a backend nothing was carried over that could answer.
  const isValid = snapshot !== undefined && snapshot.backends.size > 0 && !refuses(problems)
  const count = (fidelity: string): number => findings.filter((finding) => finding.fidelity === fidelity).length
  io.stderr(
    `${isValid ? 'Valid' : 'Not valid yet'}: ${count('exact')} exact, ${count('approximate')} approximate, ${count('dropped')} dropped.\n`,
  )
  return isValid
}

type Read =
  | { readonly content: string; readonly fault?: undefined }
  | { readonly content?: undefined; readonly fault: string }

async function textIn(file: string): Promise<Read> {
  try {
    return { content: await readFile(file, 'utf8') }
  } catch (error) {
    return { fault: whyUnreadable(error) }
  }
}

async function written(file: string, text: string, io: Io): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true })
    // It may hold keys: for the owner alone.
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    io.stderr(
      `llm-proxy convert: cannot write "${printable(file)}": ${code === 'EEXIST' ? 'it exists already, and is left as it is' : whyUnreadable(error)}\n`,
    )
    return false
  }
  io.stderr(`Wrote ${printable(file)}. Start with: llm-proxy -config ${printable(file)}\n`)
  return true
}
