import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Source } from '#boot/load.ts'
import { readArgs } from '#cli/args.ts'
import { commandNamed } from '#cli/command-table.ts'
import { listenIn } from '#cli/listen-environment.ts'
import { chooseSource, type SourceFlags } from '#cli/source.ts'
import { readStartFlags } from '#cli/start-flags.ts'

let folder: string
const home = process.cwd()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-source-'))
  process.chdir(folder)
})

afterEach(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

function write(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '')
  }
}

const inEnv = { FLOW_PROXY_SECRETS_FILE: 's.json', BACKENDS_CONFIG_PATH: 'b.json' }
const isRead = (file: string): string =>
  `FLOW_PROXY_SECRETS_FILE and BACKENDS_CONFIG_PATH do nothing, since ${file} is read`

interface Case {
  readonly name: string
  readonly flags?: SourceFlags
  readonly env?: Record<string, string>
  readonly files?: readonly string[]
  readonly wanted: object
  readonly note?: string
}

const cases: readonly Case[] = [
  { name: 'a file that is named, there or not', flags: { config: 'c.yaml' }, wanted: { kind: 'file', file: 'c.yaml' } },
  {
    name: 'a file that is named, before variables',
    flags: { config: 'c.yaml' },
    env: inEnv,
    wanted: { kind: 'file', file: 'c.yaml' },
    note: isRead('c.yaml'),
  },
  {
    name: 'a file that is named, before other flags',
    flags: { config: 'c.yaml', secretsFile: 's.json' },
    wanted: { kind: 'file', file: 'c.yaml' },
    note: '--secrets-file does nothing, since c.yaml is read',
  },
  {
    name: 'flags, before a config.yaml',
    flags: { backendsFile: 'b.json' },
    files: ['config.yaml'],
    wanted: { kind: 'legacy', backendsFile: 'b.json', secretsFile: undefined },
    note: 'config.yaml is not read',
  },
  {
    name: 'a flag, together with the variable of the other file',
    flags: { secretsFile: 'other.json' },
    env: inEnv,
    wanted: { kind: 'legacy', secretsFile: 'other.json', backendsFile: 'b.json' },
  },
  {
    name: 'a config.yaml, before variables',
    env: inEnv,
    files: ['config.yaml'],
    wanted: { kind: 'file', file: 'config.yaml' },
    note: isRead('config.yaml'),
  },
  { name: 'variables', env: inEnv, wanted: { kind: 'legacy', secretsFile: 's.json', backendsFile: 'b.json' } },
  { name: 'nothing: the environment', env: { BACKENDS_CONFIG_PATH: ' ' }, wanted: { kind: 'environment' } },
  {
    name: 'nothing, though a secrets file lies there',
    files: ['secrets.json'],
    wanted: { kind: 'environment' },
    note: 'there is a file secrets.json, which is not read: start with --secrets-file secrets.json',
  },
  {
    name: 'nothing, though a backends file lies there',
    files: ['config/backends.json'],
    wanted: { kind: 'environment' },
    note: 'start with --backends-file config/backends.json',
  },
  {
    name: 'D52: a file beside which a .env lies',
    flags: { backendsFile: 'server/config/backends.json' },
    files: ['server/.env'],
    wanted: { kind: 'legacy', backendsFile: 'server/config/backends.json', secretsFile: undefined },
    note: 'there is a file server/.env, which is not read: start with --env-file server/.env',
  },
  {
    name: 'D52: a file beside which the .env lies that is named',
    flags: { backendsFile: 'backends.json', envFile: '.env' },
    files: ['.env'],
    wanted: { kind: 'legacy', backendsFile: 'backends.json', secretsFile: undefined },
  },
]

test.each([...cases])('chooseSource() takes $name', ({ flags = {}, env = {}, files = [], wanted, note }) => {
  write(...files)
  const { source, notes } = chooseSource(flags, env)
  expect(source).toEqual(wanted as typeof source)
  expect(notes).toEqual(note === undefined ? [] : [expect.stringContaining(note)])
})

test('variables that name files and ports may be written in small letters', () => {
  const env = { backends_config_path: 'b.json', port: '81', flow_proxy_host: '::1' }
  const { source } = chooseSource({}, env)
  expect(source).toMatchObject({ kind: 'legacy', backendsFile: 'b.json' })
  expect(listenIn(env, source)).toEqual({ host: '::1', port: 81 })
})

test.each<{ source: Source; port: number | undefined }>([
  { source: { kind: 'environment' }, port: 81 },
  { source: { kind: 'legacy', backendsFile: 'b.json' }, port: 81 },
  { source: { kind: 'legacy', backendsFile: 'b.json', secretsFile: 's.json' }, port: 81 },
  { source: { kind: 'legacy', secretsFile: 's.json' }, port: undefined },
  { source: { kind: 'file', file: 'c.yaml' }, port: undefined },
])('PORT of $source is $port', ({ source, port }) => {
  expect(listenIn({ PORT: '81' }, source).port).toBe(port)
})

function flagsOf(...args: readonly string[]): ReturnType<typeof readStartFlags> {
  const parsed = readArgs(args, commandNamed('serve')?.flags ?? {})
  if (typeof parsed === 'string') throw new Error(parsed)
  return readStartFlags(parsed)
}

test.each([
  { args: [], overrides: undefined },
  { args: ['--log-level', 'warning'], overrides: { logging: { level: 'warn' } } },
  { args: ['--log-dir', 'logs/'], overrides: { logging: { general_file: 'logs/llm-proxy.log' } } },
  { args: ['--num-workers', 'auto'], overrides: { server: { workers: 'auto' } } },
  {
    args: ['--client-timeout', '600'],
    overrides: { server: { idle_timeout: '255s' }, streaming: { client_timeout: '600s' } },
  },
])('A39 A41 A60: readStartFlags() makes $overrides of $args', ({ args, overrides }) => {
  expect(flagsOf(...args)).toEqual({ overrides, notes: [] })
})

test.each([
  { given: '0', used: 1 },
  { given: '-5', used: 1 },
  { given: '86401', used: 86_400 },
])('A60: --client-timeout $given is taken for $used, which is told', ({ given, used }) => {
  expect(flagsOf(`--client-timeout=${given}`)).toMatchObject({
    overrides: { streaming: { client_timeout: `${used}s` } },
    notes: [expect.stringContaining(`${used} is used`)],
  })
})
