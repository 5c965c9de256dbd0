import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { commands } from '#cli/command-table.ts'
import { endpoints } from '#server/endpoints.ts'
import { messages, type Language } from '#telemetry/messages.ts'
import { compileInput } from './support/compiled.ts'
import { compileText, problemLines } from './support/config.ts'
import { selfSigned } from './support/tls.ts'

const root = dirname(import.meta.dir)
const readmes = [
  { name: 'README.md', language: 'en', text: read('README.md') },
  { name: 'README.zh-CN.md', language: 'zh', text: read('README.zh-CN.md') },
] as const

test.each(readmes)('the configuration in $name loads without a problem', ({ text }) => {
  const { snapshot, problems } = compileInput(parse(blocks(text, 'yaml')[0] ?? ''))
  expect(problems).toEqual([])
  expect(snapshot?.aliases).toEqual(['anthropic/claude-opus-4-5', 'anthropic/claude-sonnet-4-5'])
})

test.each(readmes)('the routes in $name share and fall back as it says', ({ text }) => {
  const { routes }: { routes: object[] } = parse(blocks(text, 'yaml')[1] ?? '')
  const backends = ['provider-a', 'provider-b', 'provider-c'].map((name) => ({ name, url: 'http://localhost/v1' }))
  const { snapshot, problems } = compileInput(parse(JSON.stringify({ backends, models: { x: { routes } } })))
  expect(problems).toEqual([])
  const tiers = snapshot?.plans.get('x')?.tiers.map((tier) => tier.candidates.map(({ id }) => id))
  expect(tiers).toEqual([['provider-a/model-x', 'provider-b/model-x'], ['provider-c/model-x']])
})

test.each(readmes)('the log lines in $name are worded as the program words them', ({ text, language }) => {
  const lines =
    blocks(text, 'text')
      .find((block) => block.includes('[INFO]'))
      ?.trim()
      .split('\n') ?? []
  const events = ['config_loaded', 'server_started', 'request_received', 'request_finished'] as const
  expect(lines).toHaveLength(events.length)
  for (const [index, event] of events.entries()) {
    const stamp = language === 'zh' ? '\\d{4}年\\d\\d月\\d\\d日' : '\\d{4}-\\d\\d-\\d\\d'
    const line = new RegExp(
      `^\\[${stamp} \\d\\d:\\d\\d:\\d\\d\\] \\[INFO\\] (\\[req_\\w+\\] )?${wordingPattern(language, event)}$`,
    )
    expect(lines[index]).toMatch(line)
  }
})

test.each(readmes)('$name names every command and every model endpoint', ({ text }) => {
  const table = text.split('\n').filter((line) => line.startsWith('| `'))
  for (const { name } of commands)
    expect(table.some((line) => new RegExp(`^\\| \`llm-proxy \\[?${name}\\b`).test(line))).toBe(true)
  const paths = [...text.matchAll(/`(\/v1[^`]*)`/g)].map((match) => match[1] ?? '')
  for (const { path } of endpoints.filter((endpoint) => endpoint.path.startsWith('/v1'))) {
    const isNamed = paths.some(
      (named) => named === path || (named.endsWith('/*') && path.startsWith(named.slice(0, -1))),
    )
    expect({ path, isNamed }).toEqual({ path, isNamed: true })
  }
})

test('the two READMEs have the same content: settings, commands, code words, links and sections', () => {
  const [en, zh] = readmes.map(({ text }) => ({
    settings: blocks(text, 'yaml').map((block) => parse(block)),
    commands: blocks(text, 'sh').map((block) => block.replaceAll(/ +#.*$/gm, '')),
    code: [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '').toSorted(),
    links: [...text.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1]).filter((link) => !link?.startsWith('README')),
    sections: [...text.matchAll(/^(#+) /gm)].map((match) => match[1]),
    items: text.split('\n').filter((line) => line.startsWith('- **')).length,
    rows: text.split('\n').filter((line) => line.startsWith('|')).length,
  }))
  expect(zh).toEqual(en)
})

describe('the quickstart', () => {
  const quickstart = read('docs/quickstart.md')
  const env = { LLM_PROXY_KEY: 'sk-of-the-clients', OPENAI_API_KEY: 'sk-of-the-provider' }
  const files = blocks(quickstart, 'yaml')

  test('tells to set the variables that its files refer to', () => {
    const referred = files.flatMap((file) => [...file.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] ?? ''))
    const told = [...quickstart.matchAll(/^export (\w+)=/gm)].map((match) => match[1] ?? '')
    expect(new Set(told)).toEqual(new Set(referred))
    expect(told).toEqual(Object.keys(env))
  })

  test.each(files.map((file, index) => [index + 1, file] as const))(
    'shows a file %p that works when nothing else is in it',
    async (_, file) => {
      expect(await problemLines(file, { env })).toEqual([])
    },
  )

  test('falls back as it says', async () => {
    const { compilation } = await compileText(files[1] ?? '', { env })
    const tiers = compilation?.snapshot?.plans.get('gpt')?.tiers.map((tier) => tier.candidates.map(({ id }) => id))
    expect(tiers).toEqual([['openai/gpt-5'], ['second/ok'], ['openai/gpt-5-mini']])
  })
})

test.each(
  // Only there can processes share a port.
  ['connections', ...(process.platform === 'linux' ? ['operating'] : []), 'websockets'].flatMap((guide) =>
    blocks(read(`docs/guides/${guide}.md`), 'yaml').map((file, index) => [guide, index + 1, file] as const),
  ),
)('the guide to %s shows a file %p that works when nothing else is in it', async (_guide, _, file) => {
  const env = { LLM_PROXY_KEY: 'sk-of-the-clients', OPENAI_API_KEY: 'sk-of-the-provider', PROXY_PASSWORD: 'p%40ss' }
  const files = {
    '/etc/llm-proxy/ca.pem': { content: selfSigned.cert },
    '/etc/llm-proxy/client.pem': { content: selfSigned.cert },
    '/etc/llm-proxy/client.key': { content: selfSigned.key },
  }
  expect(await problemLines(file, { env, files })).toEqual([])
})

/** A regular expression for a wording: fields are anything (with their noun, `{count one|many}`), groups may be missing. */
function wordingPattern(language: Language, event: keyof (typeof messages)['en']): string {
  return messages[language][event]
    .replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\{[^}]+\}/g, '.+')
    .replaceAll('<', '(?:')
    .replaceAll('>', ')?')
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '')
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
