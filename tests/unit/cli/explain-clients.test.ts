import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '#cli/cli.ts'
import { FakeIo } from '../../support/fake-io.ts'
import { forged } from '../../support/tokens.ts'

const config = `
auth:
  providers:
    - { type: api_key, keys: [{ key: sk-alice-0123456789ab, user_id: alice, permissions: [chat], models: ["gpt-*"] }, { key: "\${NOT_HERE}" }, { key: "\${NOR_HERE}" }] }
    - { type: jwt, secret: "0123456789abcdef0123456789abcdef" }
backends: [{ name: a, url: "https://a.test/v1" }]
models:
  gpt-5: { routes: [{ backend: a, model: m }] }
  claude: { routes: [{ backend: a, model: m }] }
`

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-explain-'))
  writeFileSync(join(folder, 'config.yaml'), config)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  { args: ['--model', 'gpt-5', '--key', 'sk-alice-0123456789ab'], code: 0, says: 'the caller is "alice"' },
  { args: ['--model', 'claude', '--key', 'sk-alice-0123456789ab'], code: 1, says: 'Cannot ask model "claude"' },
  {
    args: ['--model', 'gpt-5', '--path', '/v1/messages', '--key', 'sk-alice-0123456789ab'],
    code: 1,
    says: 'lacks the permission "messages"',
  },
  { args: ['--model', 'gpt-5', '--key', 'sk-nobody-0123456789a'], code: 1, says: 'refused with 401' },
  { args: ['--model', 'gpt-5', '--key', forged({ alg: 'HS256' }, {})], code: 0, says: 'only a running process checks' },
])('explain tells what the key of a client may do: $says', async ({ args, code, says }) => {
  const io = new FakeIo()
  expect(await run(['explain', '-config', join(folder, 'config.yaml'), ...args], io)).toBe(code)
  expect(io.out).toContain(says)
})
