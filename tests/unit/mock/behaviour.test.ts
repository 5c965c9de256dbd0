import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { behaviourWords, parseBehaviour, type Behaviour } from '#mock/behaviour.ts'

const plain = parseBehaviour('ok')

describe('parseBehaviour() reads', () => {
  const rows: readonly { readonly name: string; readonly changes: Partial<Behaviour> }[] = [
    { name: 'ok', changes: {} },
    { name: 'gpt-5', changes: {} },
    { name: 'claude-opus-4-5', changes: {} },
    { name: 'vendor/slow', changes: {} },
    { name: 'constructor', changes: {} },
    { name: '', changes: {} },
    { name: 'e429', changes: { kind: 'error', status: 429, retryAfter: '7' } },
    { name: 'E500', changes: { kind: 'error', status: 500 } },
    { name: 'e529;retry-after=30', changes: { kind: 'error', status: 529, retryAfter: '30' } },
    { name: 'e429+retry-after=soon', changes: { kind: 'error', status: 429, retryAfter: 'soon' } },
    { name: 'e399', changes: {} },
    { name: 'slow', changes: { headDelayMs: 2000 } },
    { name: 'slow=1m', changes: { headDelayMs: 60_000 } },
    { name: 'gpt-5+ttft=300ms+tps=50', changes: { ttftMs: 300, gapMs: 20 } },
    { name: 'ttft=1.5s, gap=40', changes: { ttftMs: 1500, gapMs: 40 } },
    { name: 'long', changes: { tokens: 50, gapMs: 30 } },
    { name: 'long+gap=1ms', changes: { tokens: 50, gapMs: 1 } },
    { name: 'tokens=0', changes: { tokens: 0 } },
    { name: 'jitter=0.5', changes: { jitter: 0.5 } },
    { name: 'scut', changes: { ending: 'cut', endsAfter: 2 } },
    { name: 'scut=5+torn', changes: { ending: 'cut', endsAfter: 5, torn: true } },
    { name: 'stall=0', changes: { ending: 'stall', endsAfter: 0 } },
    { name: 'tools', changes: { calls: 1 } },
    { name: 'tools=2', changes: { calls: 2 } },
    { name: 'nodone+nofinish', changes: { withoutDone: true, withoutFinish: true } },
    { name: 'malformed', changes: { malformed: true } },
    { name: 'gz', changes: { gzip: true } },
    { name: 'nd', changes: { ndjson: true } },
    { name: 'hdr', changes: { echoesHeaders: true } },
    { name: 'q200', changes: { kind: 'quota' } },
    { name: 'serr', changes: { kind: 'stream_error' } },
    { name: 'html', changes: { kind: 'html' } },
    { name: 'empty', changes: { kind: 'empty' } },
    { name: 'redirect', changes: { kind: 'redirect', status: 302 } },
    { name: 'badstatus', changes: { kind: 'badstatus', status: 101 } },
    { name: 'hang', changes: { kind: 'hang' } },
    { name: 'dead', changes: { kind: 'dead' } },
  ]
  test.each(rows)('"$name"', ({ name, changes }) => {
    expect(parseBehaviour(name)).toEqual(Object.assign({}, plain, changes))
  })
})

test.each([
  'ttft',
  'ttft=soon',
  'slow=2h',
  'slow=61m',
  'tps=0',
  'tokens=1.5',
  'tokens=100001',
  'jitter=2',
  'ok=1',
  'e500=1',
  'retry-after',
  'retry-after=\u2603',
  'tools=17',
])('parseBehaviour() says that the value of "%s" makes no sense', (name) => {
  expect(parseBehaviour(`gpt-5+${name}`)).toEqual({
    problem: `Cannot read the behaviour "${name}": its value makes no sense`,
  })
})

test('any name without a word of the grammar behaves as "ok"', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      fc.pre(!name.split(/[+,;]/).some(isWord))
      expect(parseBehaviour(name)).toEqual(plain)
    }),
  )
})

test('docs/mock.md has a row for every word of the grammar, with its meaning', async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/mock.md`).text()
  const rows = page.split('\n').filter((line) => line.startsWith('|'))
  const missing = Object.entries(behaviourWords).filter(
    ([word, { meaning }]) => !rows.some((row) => row.startsWith(`| \`${word}`) && row.includes(meaning)),
  )
  expect(missing.map(([word]) => word)).toEqual([])
})

function isWord(part: string): boolean {
  const [word = ''] = part.trim().toLowerCase().split('=')
  return Object.hasOwn(behaviourWords, word) || /^e[45]\d\d$/.test(word)
}
