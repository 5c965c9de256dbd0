import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startGateway } from '../support/gateway.ts'
import { isLinux, remoteAddresses } from '../support/process.ts'
import { closedPort } from '../support/raw-origin.ts'
import { chatRequest, rawRequest } from '../support/raw-client.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

async function aliasesOf(url: string): Promise<string[]> {
  const list: unknown = JSON.parse((await rawRequest(url, { path: '/v1/models' })).text)
  return (list as { data: { id: string }[] }).data.map(({ id }) => id)
}

describe('a start without a config file', () => {
  const keys = {
    OPENAI_API_KEY: 'sk-openai-0123456789',
    ANTHROPIC_API_KEY: 'sk-ant-0123456789',
    GOOGLE_API_KEY: 'AIza0123456789',
    MISTRAL_API_KEY: '  ',
  }

  test('serves the providers whose keys are in the environment, on loopback, and tells which', async () => {
    await using gateway = await startGateway('', { hasFile: false, args: ['--port', '0'], env: keys })
    const output = gateway.output()
    for (const [backend, variable] of [
      ['openai', 'OPENAI_API_KEY'],
      ['anthropic', 'ANTHROPIC_API_KEY'],
      ['google', 'GOOGLE_API_KEY'],
    ])
      expect(output).toContain(`[INFO] Backend ${backend} is configured from ${variable}`)
    expect(output).not.toContain('MISTRAL')
    expect(output).toMatch(/Loaded 3 backends, \d+ model aliases/)
    expect(output).toMatch(/\[WARN\] No client key is configured/)
    // Nobody asked for another address.
    expect(output).not.toContain('Listening on loopback only')
    expect(output).toMatch(/listening on http:\/\/127\.0\.0\.1:\d+/)
    for (const key of Object.values(keys)) if (key.trim() !== '') expect(output).not.toContain(key)

    const aliases = await aliasesOf(gateway.url)
    for (const alias of [
      'gpt-5',
      'openai/gpt-5',
      'claude-opus-4-5',
      'anthropic/claude-opus-4-5',
      'google/gemini-2.5-pro',
    ])
      expect(aliases).toContain(alias)
    expect(aliases.filter((alias) => /mock|mistral|groq/.test(alias))).toEqual([])
  })

  test.skipIf(!isLinux)('contacts no provider before a request needs one', async () => {
    await using gateway = await startGateway('', { hasFile: false, args: ['--port', '0'], env: keys })
    for (const path of ['/health', '/ready', '/v1/models', '/v1beta/models'])
      expect((await rawRequest(gateway.url, { path })).status).toBe(200)
    expect((await rawRequest(gateway.url, chatRequest('no-such-model'))).status).toBe(404)
    // What the provider of a model does not have, and nobody can translate, is refused here.
    const foreign = await rawRequest(gateway.url, { ...chatRequest('claude-opus-4-5'), path: '/v1/moderations' })
    expect(foreign.status).toBe(400)
    expect(foreign.text).toContain('unsupported_by_backend')
    // The port of HTTPS, as the system writes it.
    expect(remoteAddresses(gateway.pid).filter((address) => address.endsWith(':01BB'))).toEqual([])
  })

  test('takes the port that a hosting platform gives, and a flag before it', async () => {
    const [platform, flag] = [await closedPort(), await closedPort()]
    await using given = await startGateway('', { hasFile: false, env: { PORT: String(platform) } })
    expect(given.url).toBe(`http://127.0.0.1:${platform}`)
    expect(given.output()).toContain(`listening on ${given.url} (port from PORT)`)
    const env = { PORT: String(platform) }
    await using chosen = await startGateway('', { hasFile: false, args: ['--port', String(flag)], env })
    expect(chosen.url).toBe(`http://127.0.0.1:${flag}`)
    expect(chosen.output()).not.toContain('port from')
  })

  test('with no key at all answers from the mock backend, and has nothing to reload', async () => {
    await using gateway = await startGateway('', { hasFile: false, args: ['--port', '0'], env: { OPENAI_API_KEY: '' } })
    expect(await aliasesOf(gateway.url)).toContain('mock/echo')
    expect((await rawRequest(gateway.url, chatRequest('mock/echo'))).text).toEndWith('data: [DONE]\n\n')
    gateway.signal('SIGHUP')
    await gateway.told(/\[INFO\] Configuration environment is unchanged$/m)
    expect(await gateway.stop()).toBe(0)
  })
})
