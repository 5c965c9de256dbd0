import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Source } from '#boot/load.ts'
import { Variables } from '#config/legacy-variables.ts'
import { textOf, type ParsedArgs } from './args.ts'
import type { Io } from './io.ts'

/** Flags that say where the configuration comes from. */
export interface SourceFlags {
  readonly config?: string | undefined
  readonly secretsFile?: string | undefined
  readonly backendsFile?: string | undefined
  readonly envFile?: string | undefined
}

/** A source, and what people should know about how it was chosen. */
export interface ChosenSource {
  readonly source: Source
  readonly notes: readonly string[]
}

export function sourceFlags(parsed: ParsedArgs): SourceFlags {
  return {
    config: textOf(parsed, 'config'),
    secretsFile: textOf(parsed, 'secrets-file'),
    backendsFile: textOf(parsed, 'backends-file'),
    envFile: textOf(parsed, 'env-file'),
  }
}

/**
 * As for a start: a file that is named must be there. What is said on the command line goes before what is found:
 * `-config`, then `--secrets-file` and `--backends-file`, then a `config.yaml`, then their variables, and without any
 * of them the environment says what there is.
 */
export function chooseSource(flags: SourceFlags, env: Io['env']): ChosenSource {
  const { config } = flags
  const named = { secretsFile: given(flags.secretsFile), backendsFile: given(flags.backendsFile) }
  const variables = new Variables(env)
  const inEnv = {
    secretsFile: variables.text('FLOW_PROXY_SECRETS_FILE'),
    backendsFile: variables.text('BACKENDS_CONFIG_PATH'),
  }
  if (config !== undefined) return { source: { kind: 'file', file: config }, notes: unheeded(config, named, inEnv) }
  if (isAny(named)) {
    const merged = {
      secretsFile: named.secretsFile ?? inEnv.secretsFile,
      backendsFile: named.backendsFile ?? inEnv.backendsFile,
    }
    const notes = existsSync(defaultFile)
      ? [`${defaultFile} is not read: --secrets-file or --backends-file is given`]
      : []
    return { source: { kind: 'legacy', ...merged }, notes: [...notes, ...unreadEnvFile(flags, merged)] }
  }
  if (existsSync(defaultFile)) {
    return { source: { kind: 'file', file: defaultFile }, notes: unheeded(defaultFile, named, inEnv) }
  }
  if (isAny(inEnv)) return { source: { kind: 'legacy', ...inEnv }, notes: unreadEnvFile(flags, inEnv) }
  return { source: { kind: 'environment' }, notes: [...lyingAround(), ...unreadEnvFile(flags, inEnv)] }
}

const defaultFile = 'config.yaml'

type Named = Pick<SourceFlags, 'secretsFile' | 'backendsFile'>

function isAny({ secretsFile, backendsFile }: Named): boolean {
  return secretsFile !== undefined || backendsFile !== undefined
}

function unheeded(file: string, named: Named, inEnv: Named): readonly string[] {
  const names = [
    named.secretsFile !== undefined && '--secrets-file',
    named.backendsFile !== undefined && '--backends-file',
    inEnv.secretsFile !== undefined && 'FLOW_PROXY_SECRETS_FILE',
    inEnv.backendsFile !== undefined && 'BACKENDS_CONFIG_PATH',
  ].filter((name) => name !== false)
  if (names.length === 0) return []
  return [
    `${names.join(' and ')} ${names.length === 1 ? 'does' : 'do'} nothing, since ${file} is read: name the file there, as ` +
      '"credentials[].secrets_file" or "services_file"',
  ]
}

/** Files of older programs mean something when they are named, and only then: they hold keys. */
function lyingAround(): readonly string[] {
  return [
    ['secrets.json', '--secrets-file secrets.json'],
    ['config/backends.json', '--backends-file config/backends.json'],
    ['backends.json', '--backends-file backends.json'],
  ].flatMap(([file = '', flag]) =>
    existsSync(file) ? [`there is a file ${file}, which is not read: start with ${flag}`] : [],
  )
}

/** Variables of such a file once counted by themselves. */
function unreadEnvFile({ envFile }: SourceFlags, { backendsFile }: Named): readonly string[] {
  if (envFile !== undefined) return []
  const folder = backendsFile === undefined ? '.' : dirname(backendsFile)
  const found = ['.env', join(folder, '.env'), join(dirname(folder), '.env')].find((file) => existsSync(file))
  return found === undefined ? [] : [`there is a file ${found}, which is not read: start with --env-file ${found}`]
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}
