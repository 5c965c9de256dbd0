import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { compileNative } from '../../../bench/native.ts'

const hasCompiler = process.platform === 'linux' && (Bun.which('cc') ?? Bun.which('gcc')) !== null

describe.skipIf(!hasCompiler)('the mock upstream of the bench', () => {
  let program: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  let url = ''

  beforeAll(async () => {
    const { mockUpstream } = compileNative()
    program = Bun.spawn([mockUpstream, '-t', '5', '-g', '1', '-e', '3', '-r', '800', '-T', '60'], { stdin: 'ignore' })
    for await (const chunk of program.stdout) {
      url = `http://127.0.0.1:${Number(new TextDecoder().decode(chunk))}`
      break
    }
  })

  afterAll(async () => {
    program?.kill()
    await program?.exited
  })

  test('answers with a completion of the wanted size, as late as the request wants it', async () => {
    const startedMs = performance.now()
    const late = await chat({ 'x-bench-delay-ms': '60' }, '{"model":"m"}')
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(60)
    const prompt = await chat({}, '{"model":"m"}')
    expect([late.length, prompt.length]).toEqual([800, 800])
  })

  test('lets requests that came later go first when they are due first', async () => {
    const order: string[] = []
    const slow = chat({ 'x-bench-delay-ms': '150' }, '{"model":"slow"}').then(() => order.push('slow'))
    const quick = chat({ 'x-bench-delay-ms': '1' }, '{"model":"quick"}').then(() => order.push('quick'))
    await Promise.all([slow, quick])
    expect(order).toEqual(['quick', 'slow'])
  })

  test('streams its events whatever delay the request names', async () => {
    const body = await chat({ 'x-bench-delay-ms': '60000' }, '{"model":"m","stream":true}')
    expect(body.match(/^data: \{/gm)).toHaveLength(3)
    expect(body).toEndWith('data: [DONE]\n\n')
  })

  test('counts requests and connections, its own statistics left out of the requests', async () => {
    const before = await stats()
    await chat({}, '{"model":"m"}')
    const after = await stats()
    expect(after.requests - before.requests).toBe(1)
    expect(after.accepted).toBeGreaterThan(before.accepted)
  })

  async function chat(headers: Record<string, string>, body: string): Promise<string> {
    return await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })).text()
  }

  async function stats(): Promise<{ accepted: number; requests: number }> {
    return (await (await fetch(`${url}/stats`, { keepalive: false })).json()) as { accepted: number; requests: number }
  }
})
