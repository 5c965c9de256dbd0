import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { keysOf, type KeyFacts, type Schema } from '#config/keys.ts'
import { ConfigSchema } from '#config/schema.ts'
import {
  backendSpellings,
  callerSpellings,
  sectionSpellings,
  serviceSpellings,
  spellings,
  timeoutSpellings,
} from '#config/spellings.ts'
import { metrics } from '#telemetry/metric.ts'
import { oldNames } from '#telemetry/seed-names.ts'
import { warningCodes } from '#translate/warning-codes.ts'

const root = dirname(import.meta.dir)

/** Every document that is made from the sources: path → text. */
export function generatedDocuments(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/reference/config.md', configReference()],
    ['docs/reference/warnings.md', warningReference()],
    ['docs/reference/metrics.md', metricReference()],
    ['docs/map.md', sourceMap()],
  ])
}

function configReference(): string {
  const keys = keysOf(ConfigSchema)
  const isSection = (key: KeyFacts): boolean => keys.some(({ path }) => isBelow(path, key.path))
  const sections = keys.filter((key) => !key.path.includes('.') && isSection(key))
  const topKeys = keys.filter((key) => !key.path.includes('.') && !isSection(key))
  return [
    '# Configuration',
    '',
    '<!-- Generated from the schema by `npm run docs`. Do not edit. -->',
    '',
    'One YAML file holds every setting. A key that is not listed here does nothing, and `llm-proxy check` says so.',
    '',
    '- **Durations** are written as `30s`, `5m`, `1h30m`, `200ms`; a bare number counts seconds.',
    '- **Sizes** are written as `64kb`, `10mb`, `1gb` (powers of 1024); a bare number counts bytes.',
    '- **References** stand in values: `${VAR}` (an error when it is not set), `${VAR:-default}` (also when empty),',
    '  `${VAR-default}`, `${VAR:?message}`, `${file:/path}` (without its last line break; relative paths start at the',
    "  folder of the configuration), `${cred:name}` (systemd's credentials), and `os.environ/VAR` as a whole value.",
    '  `$$` is a plain `$`. A default may hold one more reference.',
    '- **Paths** of log files and their folders start in the working directory where they are relative.',
    '- **From outside**: `FLOW_PROXY_HOST` and `PROXY_PORT` (or `FLOW_PROXY_PORT`) in the environment win over `listen`, the',
    '  flags `-host` and `-port` over both. `PORT` counts with `--backends-file`, and where there is no file at all.',
    '- Keys at the top of the file that begin with `x-` are free, for YAML anchors.',
    '- *Also written as* lists older names. They are read all the same; `llm-proxy check` notes them.',
    '',
    '## Top level',
    '',
    ...table(topKeys, ''),
    ...sections.flatMap((section) => sectionText(section, keys)),
    '',
  ].join('\n')
}

function warningReference(): string {
  const rows = (kind: string): string[] =>
    Object.entries(warningCodes)
      .filter(([code]) => code.startsWith(kind))
      .map(([code, says]) => `| \`${code}\` | ${says} |`)
  return [
    '# Warnings of translated answers',
    '',
    '<!-- Generated from the registry of codes by `npm run docs`. Do not edit. -->',
    '',
    'When a request is asked of a backend in another API than its own ([dialects](../guides/dialects.md)), the answer names in',
    '`x-llm-proxy-warnings` what could not be told as it was said: codes, separated by commas, without values and at most',
    '1,000 characters (then `,...`). Without the header nothing was lost. The codes are stable: programs may go by them. The',
    'log has them too, with the fields that they are about (`request_translated`, level `debug`), and',
    '[`GET /admin/warnings`](admin-api.md) lists them. What is found out only while a stream is read comes too late for a header.',
    '',
    '## Dropped',
    '',
    'A hint that the backend does not take. With `compat.mode: strict`, or `x-llm-proxy-compat: strict` on the request, the',
    'request is refused with 400 instead.',
    '',
    '| Code | What |',
    '| --- | --- |',
    ...rows('dropped:'),
    '',
    '## Adapted',
    '',
    'Its meaning is kept by other means.',
    '',
    '| Code | What |',
    '| --- | --- |',
    ...rows('adapted:'),
    '',
  ].join('\n')
}

function metricReference(): string {
  return [
    '# Metrics',
    '',
    '<!-- Generated from the declarations by `npm run docs`. Do not edit. -->',
    '',
    'What `GET /metrics` tells ([guide](../guides/metrics.md)). Values of labels are names of the configuration or of a fixed',
    'list: what a client writes and nobody knows is `other`, and `none` stands where there is nothing to name. Numbers of several',
    'workers are told as one.',
    '',
    '| Metric | Kind | Labels | What it is |',
    '| --- | --- | --- | --- |',
    ...Object.entries(metrics).map(([name, { kind, labels, help }]) => {
      return `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`
    }),
    '',
    '## Names of older proxies',
    '',
    'With `metrics.seed_names: true` they are told as well.',
    '',
    '| Metric | Labels | Made of |',
    '| --- | --- | --- |',
    ...oldNames.map(({ name, labels, of }) => {
      return `| \`${name}\` | ${labels.map((label) => `\`${label}\``).join(', ')} | \`${of}\` |`
    }),
    '',
  ].join('\n')
}

function sectionText(section: KeyFacts, keys: readonly KeyFacts[]): string[] {
  const below = keys.filter(({ path }) => isBelow(path, section.path))
  return ['', `## ${section.path}`, '', section.description, '', ...table(below, section.path)]
}

function table(keys: readonly KeyFacts[], section: string): string[] {
  return [
    '| Key | Type | Default | What it does | Also written as |',
    '| --- | --- | --- | --- | --- |',
    ...keys.map((key) => {
      const shown = key.path.slice(section.length).replace(/^\./, '')
      const cells = [`\`${shown}\``, typeText(key), defaultText(key), key.description, spellingText(key.path)]
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
    }),
  ]
}

function isBelow(path: string, outer: string): boolean {
  return path.startsWith(`${outer}.`) || path.startsWith(`${outer}[]`)
}

function typeText({ schema, metadata }: KeyFacts): string {
  const { 'x-kind': kind, 'x-from': from, 'x-to': to } = metadata
  if (typeof kind === 'string') return `${kind}, ${String(from)} to ${String(to)}`
  return schemaText(schema)
}

function schemaText(schema: Schema): string {
  switch (schema.type) {
    case 'strict_object':
    case 'object_with_rest':
      return 'section'
    case 'record':
      return 'map'
    case 'array':
      return 'item' in schema && isSchema(schema.item) && schema.item.type !== 'strict_object'
        ? `list of ${schemaText(schema.item)}`
        : 'list'
    case 'boolean':
      return '`true` or `false`'
    case 'string':
      return 'text'
    case 'number':
      return `${isWhole(schema) ? 'whole number' : 'number'}${rangeText(schema)}`
    case 'literal':
      return 'literal' in schema ? `\`${String(schema.literal)}\`` : 'text'
    case 'picklist':
      return 'options' in schema && Array.isArray(schema.options)
        ? schema.options.map((option) => `\`${String(option)}\``).join(', ')
        : 'text'
    case 'union':
      return 'options' in schema && Array.isArray(schema.options)
        ? schema.options.filter(isSchema).map(schemaText).join(' or ')
        : ''
    default:
      throw new Error(`The reference has no words for a schema of type "${schema.type}"`)
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'schema'
}

function actionsOf(schema: Schema): { type: string; requirement: unknown }[] {
  if (!('pipe' in schema) || !Array.isArray(schema.pipe)) return []
  return schema.pipe.map((action: { type: string; requirement?: unknown }) => ({
    type: action.type,
    requirement: action.requirement,
  }))
}

function isWhole(schema: Schema): boolean {
  return actionsOf(schema).some(({ type }) => type === 'integer')
}

function rangeText(schema: Schema): string {
  const bound = (type: string): unknown => actionsOf(schema).find((action) => action.type === type)?.requirement
  const from = bound('min_value')
  const to = bound('max_value')
  return from === undefined || to === undefined ? '' : `, ${grouped(from)} to ${grouped(to)}`
}

function grouped(bound: unknown): string {
  return Number(bound).toLocaleString('en-US')
}

function defaultText(key: KeyFacts): string {
  if (key.required) return '*required*'
  const written = key.default
  if (written === undefined || written === '' || JSON.stringify(written) === '{}') return ''
  return `\`${typeof written === 'string' ? written : JSON.stringify(written)}\``
}

function spellingText(path: string): string {
  const names = spellings
    .filter(({ to }) => to.join('.') === path)
    .map(({ from, about }) => `\`${from.join('.')}\`${about === undefined ? '' : ` (${about})`}`)
  const section = /^(?:backends\[\]\.)?timeout(?=\.)/.exec(path)?.[0]
  for (const { from, to } of section === undefined ? [] : timeoutSpellings) {
    if (path === `${section}.${to.join('.')}`) names.push(`\`${section}.${from.join('.')}\``)
  }
  for (const { from, to } of backendSpellings) {
    if (path === `backends[].${to.join('.')}`) names.push(`\`backends[].${from.join('.')}\``)
  }
  for (const { from, to } of serviceSpellings) {
    if (path === `services.<name>.${to.join('.')}`) names.push(`\`${from.join('.')}\``)
  }
  for (const { from, to } of callerSpellings) {
    if (path === `auth.providers[].keys[].${to.join('.')}`) names.push(`\`${from.join('.')}\``)
  }
  for (const { from, to } of sectionSpellings) if (to === path) names.push(`\`${from}\``)
  return names.join(', ')
}

function sourceMap(): string {
  const files = [...new Bun.Glob('src/**/*.{ts,tsx}').scanSync({ cwd: root })].map((file) => file.replaceAll('\\', '/'))
  const lines = ['# Map of the sources', '', '<!-- Generated by `npm run docs`. Do not edit. -->']
  let room: string | undefined
  for (const file of files.toSorted()) {
    if (roomOf(file) !== room) {
      room = roomOf(file)
      lines.push('', `## ${room === '' ? 'src' : room}`, '', '| File | What it is for |', '| --- | --- |')
    }
    lines.push(`| \`${file.slice('src/'.length)}\` | ${purposeOf(file).replaceAll('|', '\\|')} |`)
  }
  return [...lines, ''].join('\n')
}

function roomOf(file: string): string {
  const parts = file.split('/')
  return parts.length > 2 ? (parts[1] ?? '') : ''
}

/** The first sentence about the export that gave the file its name, else about its first function or class, else any. */
function purposeOf(file: string): string {
  const text = readFileSync(join(root, file), 'utf8')
  const name = (/([^/]+)\.tsx?$/.exec(file)?.[1] ?? '').replaceAll('-', '').toLowerCase()
  const found = [...text.matchAll(/^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n(?:\/\/.*\n)*export (?:async )?(\w+)\*? (\w+)/gm)]
  const chosen =
    found.find(([, , , exported]) => exported?.toLowerCase() === name) ??
    found.find(([, , kind]) => kind === 'function' || kind === 'class') ??
    found[0]
  const plain = (chosen?.[1] ?? '').replaceAll(/\s*\n\s*\* ?/g, ' ').trim()
  return plain.split(/(?<=[.]) (?=[A-Z])/)[0] ?? ''
}

if (import.meta.main) {
  for (const [path, text] of generatedDocuments()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(path)
  }
}
