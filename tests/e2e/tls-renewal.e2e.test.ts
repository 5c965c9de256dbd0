import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expired, forElsewhere, forLocalhost } from '../support/certificates.ts'
import { isLinux } from '../support/process.ts'
import { selfSigned } from '../support/tls.ts'
import { askTls } from '../support/tls-client.ts'
import { first, plainTls, renew, sdkOver, second, startTls, tlsBase } from '../support/tls-gateway.ts'
import type { RunningGateway } from '../support/gateway.ts'

// Processes start slowly on a busy machine.
setDefaultTimeout(20_000)

let slow: ReturnType<typeof Bun.serve>

/** An upstream whose streams say one word each 100 ms. */
beforeAll(() => {
  slow = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            for (let word = 0; word < 20; word += 1) {
              const delta = {
                id: 'x',
                object: 'chat.completion.chunk',
                choices: [{ index: 0, delta: { content: `w${word} ` } }],
              }
              controller.enqueue(`data: ${JSON.stringify(delta)}\n\n`)
              await Bun.sleep(100)
            }
            controller.enqueue('data: [DONE]\n\n')
            controller.close()
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      ),
  })
})

afterAll(async () => {
  await slow.stop(true)
})

const base = (): string =>
  tlsBase(
    `  - { name: slow, url: "http://127.0.0.1:${slow.port}/v1", api_key: sk-x }`,
    '  slow: { routes: [{ backend: slow, model: x }] }',
  )

async function start(tls: string): Promise<RunningGateway> {
  return await startTls(base(), tls)
}

describe('new certificates in the files', () => {
  test('new connections get them at once, and a stream under way goes on', async () => {
    await using gateway = await start(plainTls)
    const stream = await sdkOver(gateway).chat.completions.create({
      model: 'slow',
      messages: [{ role: 'user', content: 'x' }],
      stream: true,
    })
    const words: string[] = []
    const reading = (async () => {
      for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? '')
    })()
    renew(gateway, selfSigned)
    await gateway.told(/New connections get the new certificate/)
    expect((await askTls(gateway.url)).shown).toBe(second)
    await reading
    expect(words.join('').trim().split(' ')).toHaveLength(20)
    expect(await gateway.stop()).toBe(0)
  })

  test.skipIf(!isLinux)('nobody finds the port closed while they change, again and again', async () => {
    await using gateway = await start(plainTls)
    const answers = { good: 0, bad: [] as string[] }
    const over = new AbortController()
    const clients = Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const { text, error } = await askTls(gateway.url)
        if (text.startsWith('HTTP/1.1 200')) answers.good += 1
        else answers.bad.push(error ?? text)
      }
    })
    for (const pair of [selfSigned, forLocalhost, selfSigned]) {
      const before = gateway.output().length
      renew(gateway, pair)
      gateway.signal('SIGHUP')
      while (!gateway.output().slice(before).includes('New connections get')) await Bun.sleep(20)
      await Bun.sleep(300)
    }
    over.abort()
    await Promise.all(clients)
    expect(answers.bad).toEqual([])
    expect(answers.good).toBeGreaterThan(50)
    expect((await askTls(gateway.url)).shown).toBe(second)
  })

  test('what cannot be used is told with its file, and the former one stays', async () => {
    await using gateway = await start(plainTls)
    writeFileSync(join(gateway.directory, 'cert.pem'), forElsewhere.cert)
    await gateway.told(/tls\.key: file "[^"]*key\.pem": does not belong to the first certificate/)
    expect((await askTls(gateway.url)).shown).toBe(first)
    writeFileSync(join(gateway.directory, 'cert.pem'), '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n')
    await gateway.told(/tls\.cert: file "[^"]*cert\.pem": the certificate cannot be read, is it whole\?/)
    renew(gateway, expired)
    await gateway.told(/tls\.cert: file "[^"]*cert\.pem": the certificate expired on \d{4}-\d\d-\d\d/)
    expect((await askTls(gateway.url)).shown).toBe(first)
    renew(gateway, selfSigned)
    await gateway.told(/New connections get the new certificate/)
    expect((await askTls(gateway.url)).shown).toBe(second)
  })

  test('to take the section away needs a restart, and nothing changes until then', async () => {
    await using gateway = await start(plainTls)
    gateway.rewrite(`listen: "${new URL(gateway.url).host}"\n${base()}`)
    await gateway.told(/Cannot reload .*"tls" came or went, which takes a restart/)
    expect((await askTls(gateway.url)).shown).toBe(first)
  })
})
