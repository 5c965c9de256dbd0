import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../support/gateway.ts'

// Every kind of mistake in every place is in tests/config; here is what `llm-proxy check` makes of each row.

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  const files = { empty: '\n', crlf: 'sk-0123456789\r\n', open: 'sk-0123456789\n' }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), name === 'open' ? 0o644 : 0o600)
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Row {
  readonly id: string
  readonly name: string
  readonly yaml: string
  /** What is told of it, with its place; undefined: it is right. */
  readonly says?: RegExp
  /** Told, and it works all the same. */
  readonly isWarning?: boolean
}

/** A configuration that is right, with keys of its backend, of its route, and of the file. */
function yamlWith({ backend = '', route = '', file = '', url = 'mock://a' }: Partial<Record<string, string>>): string {
  return `proxy_api_key: sk-client-0123456789
backends: [{ name: a, url: "${url}"${backend === '' ? '' : `, ${backend}`} }]
models: { m: { routes: [{ backend: a, model: m${route === '' ? '' : `, ${route}`} }] } }
${file}
`
}

const urlExpected = /config\.yaml:2:28 backends\[0\]\.url: expected an address such as/

const rows: readonly Row[] = [
  { id: 'B91', name: 'a tab that indents', yaml: 'backends:\n\t- name: a\n', says: /config\.yaml:2:1 a tab indents/ },
  {
    id: 'B91',
    name: 'a key that occurs twice',
    yaml: yamlWith({ file: 'listen: ":1"\nlisten: ":2"' }),
    says: /config\.yaml:5:1 key "listen" is written twice/,
  },
  {
    id: 'B91',
    name: 'a bomb of aliases',
    yaml: readFileSync(join(import.meta.dir, '../config/alias-bomb.yaml'), 'utf8'),
    says: /config\.yaml.*alias/,
  },
  {
    id: 'B91',
    name: 'a tag of JavaScript',
    yaml: yamlWith({ file: 'listen: !!js/function "f()"' }),
    says: /:4:9 unresolved tag/,
  },
  {
    id: 'B91',
    name: 'on',
    yaml: yamlWith({ file: 'models_require_auth: on' }),
    says: /expected true or false, not "on" \(did you mean true\?\)/,
  },
  { id: 'B91', name: 'an octal number', yaml: yamlWith({ file: 'fallback: { max_retries: 0o10 }' }) },
  { id: 'B91', name: 'a hexadecimal number', yaml: yamlWith({ file: 'fallback: { max_retries: 0x10 }' }) },
  { id: 'B91', name: 'a byte order mark', yaml: `\ufeff${yamlWith({})}` },
  { id: 'B91', name: 'lines that end with CRLF', yaml: yamlWith({}).replaceAll('\n', '\r\n') },
  {
    id: 'B92',
    name: 'a key that nobody knows',
    yaml: yamlWith({ file: 'trusted_proxy: []' }),
    says: /:4:1 trusted_proxy: warning: unknown key, it does nothing \(did you mean "trusted_proxies"\?\)/,
    isWarning: true,
  },
  {
    id: 'B93',
    name: '${UNSET}',
    yaml: yamlWith({ backend: 'api_key: "${UNSET}"' }),
    says: /environment variable "UNSET" is not set/,
  },
  { id: 'B93', name: '${UNSET:-}', yaml: yamlWith({ backend: 'api_key: "${UNSET:-}"' }) },
  { id: 'B93', name: '$${X}', yaml: yamlWith({ backend: 'api_key: "$${X}"' }) },
  {
    id: 'B93',
    name: 'one within another',
    yaml: yamlWith({ backend: 'api_key: "${UNSET:-${NONE}}"' }),
    says: /environment variable "NONE" is not set/,
  },
  {
    id: 'B93',
    name: 'one that is not closed',
    yaml: yamlWith({ backend: 'api_key: "${A"' }),
    says: /"\$\{" is not closed/,
  },
  ...[
    'https://user:secret@h/v1',
    'unix:/x',
    'file:///etc/passwd',
    'ftp://h/v1',
    'h/v1',
    'https://h/v1?key=x',
    'https://h/#x',
    'https://h h/',
  ].map((url): Row => ({ id: 'B94', name: url, yaml: yamlWith({ url }), says: urlExpected })),
  ...['https://h/v1/', 'https://h/v1/v1', 'https://例え.jp/v1', 'HTTPS://H/'].map((url): Row => ({
    id: 'B94',
    name: url,
    yaml: yamlWith({ url }),
  })),
  {
    id: 'B95',
    name: 'weights that are all 0',
    yaml: yamlWith({ route: 'weight: 0' }),
    says: /warning: no route of priority 0 has a weight above 0/,
    isWarning: true,
  },
  {
    id: 'B95',
    name: 'a negative weight',
    yaml: yamlWith({ route: 'weight: -1' }),
    says: /weight: expected at least 0, not -1/,
  },
  {
    id: 'B95',
    name: 'a weight that is no number',
    yaml: yamlWith({ route: 'weight: .nan' }),
    says: /weight: expected a number/,
  },
  {
    id: 'B95',
    name: 'an infinite weight',
    yaml: yamlWith({ route: 'weight: .inf' }),
    says: /weight: expected at most/,
  },
  {
    id: 'B95',
    name: 'a broken priority',
    yaml: yamlWith({ route: 'priority: 1.5' }),
    says: /priority: expected a whole number, not 1\.5/,
  },
  ...['5', '5s', '1h', '500ms', '"5"'].map((time): Row => ({
    id: 'B96',
    name: time,
    yaml: yamlWith({ file: `timeout: { connect: ${time} }` }),
  })),
  ...['-1s', 'Infinity', '.inf', '5 parsecs', '2h', 'true'].map((time): Row => ({
    id: 'B96',
    name: time,
    yaml: yamlWith({ file: `timeout: { connect: ${time} }` }),
    says: /:4:21 timeout\.connect: expected a duration such as/,
  })),
  {
    id: 'B97',
    name: 'an empty file',
    yaml: yamlWith({ backend: 'api_key: "${file:empty}"' }),
    says: /file "empty" is empty/,
  },
  {
    id: 'B97',
    name: 'a file that is not there',
    yaml: yamlWith({ backend: 'api_key: "${file:gone}"' }),
    says: /file "gone" cannot be read/,
  },
  { id: 'B97', name: 'a file that ends with CRLF', yaml: yamlWith({ backend: 'api_key: "${file:crlf}"' }) },
  {
    id: 'B97',
    name: 'a file that others can read',
    yaml: yamlWith({ backend: 'api_key: "${file:open}"' }),
    says: /warning: others can read file "open"/,
    isWarning: true,
  },
]

describe('a configuration with', () => {
  test.concurrent.each(rows.map((row) => [`${row.id}: ${row.name}`, row] as const))('%s', async (name, row) => {
    const file = join(folder, `${rows.indexOf(row)}`)
    await Bun.write(join(file, 'config.yaml'), row.yaml.replaceAll('${file:', `\${file:${folder}/`))
    const { code, output } = await run(['check', '-config', join(file, 'config.yaml')])
    const isRight = row.says === undefined || row.isWarning === true
    expect([name, code, output]).toEqual([name, isRight ? 0 : 2, output])
    if (row.says === undefined) expect(output).not.toMatch(/error|warning/)
    else expect(output.replaceAll(`${folder}/`, '')).toMatch(row.says)
  })
})

describe('B98: the flag for the file', () => {
  test.each([
    { args: ['-config', 'right.yaml'], code: 0 },
    { args: ['--config', 'right.yaml'], code: 0 },
    { args: ['-config=right.yaml'], code: 0 },
    { args: ['--config=right.yaml'], code: 0 },
    { args: ['-config', 'gone.yaml', '-config', 'right.yaml'], code: 0 },
    { args: ['-config'], code: 2 },
    { args: ['--nonsense'], code: 2 },
    { args: ['-config', 'right.yaml', '--nonsense'], code: 2 },
  ])('$args ends with $code', async ({ args, code }) => {
    writeFileSync(join(folder, 'right.yaml'), yamlWith({}))
    expect((await run(['check', ...args])).code).toBe(code)
  })
})

async function run(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const child = Bun.spawn([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, output: out + err }
}
