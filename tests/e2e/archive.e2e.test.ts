import { afterAll, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { unzipSync } from 'fflate'
import { binaryName, hostTarget } from '../../scripts/compile.ts'
import { zipBinary } from '../../scripts/pack.ts'

const binary = process.env['LLM_PROXY_BINARY']
const isCompiled = binary !== undefined
const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Zipping and unzipping a hundred megabytes takes its time. */
const archiveMs = 60_000

test.skipIf(!isCompiled)(
  'B81: unzip, copy the example, edit it, run: the archive is all that a user needs',
  async () => {
    const named = join(folder, binaryName(hostTarget()))
    copyFileSync(binary ?? '', named)
    const zip = join(folder, 'llm-proxy.zip')
    zipBinary(named, zip, new Date(0))
    unpack(zip, folder)

    const home = join(folder, 'llm-proxy')
    const example = readFileSync(join(home, 'config.example.yaml'), 'utf8')
    writeFileSync(join(home, 'config.yaml'), example.replace(/^listen: .*$/m, 'listen: "127.0.0.1:0"'))
    const program = join(home, binaryName(hostTarget()))
    chmodSync(program, 0o755)

    const child = Bun.spawn([program, '-config', 'config.yaml'], {
      cwd: home,
      env: {},
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    try {
      const address = await addressOf(child.stdout, child.stderr)
      const response = await fetch(`${address}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk-your-unified-api-key', 'content-type': 'application/json' },
        body: '{"model": "anthropic/claude-opus-4-5", "messages": [{"role": "user", "content": "Hello"}]}',
      })
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ object: 'chat.completion' })
    } finally {
      child.kill('SIGKILL')
      await child.exited
    }
  },
  archiveMs,
)

test.skipIf(!isCompiled)(
  'the binary runs no code and reads no variables from the folder it is started in',
  async () => {
    const home = join(folder, 'hostile')
    const trace = join(home, 'trace')
    mkdirSync(home)
    writeFileSync(join(home, 'bunfig.toml'), 'preload = ["./preload.ts"]\n')
    writeFileSync(join(home, 'preload.ts'), `await Bun.write(${JSON.stringify(trace)}, 'was here')\n`)
    writeFileSync(join(home, '.env'), 'OPENAI_API_KEY=sk-from-dot-env\n')
    writeFileSync(
      join(home, 'config.yaml'),
      'backends: [{ name: openai, url: "https://api.openai.com/v1", api_key: "${OPENAI_API_KEY}" }]\n' +
        'models: { a: { routes: [{ backend: openai, model: m }] } }\n',
    )
    const child = Bun.spawn([binary ?? '', 'check', '-config', 'config.yaml'], {
      cwd: home,
      env: {},
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
    expect(await child.exited).toBe(2)
    expect(output).toContain('OPENAI_API_KEY')
    expect(existsSync(trace)).toBe(false)
  },
)

test.skipIf(!isCompiled)('the binary knows its version, commit and time', async () => {
  const child = Bun.spawn([binary ?? '', 'version', '--json'], { env: {}, stdin: 'ignore', stdout: 'pipe' })
  expect(await new Response(child.stdout).json()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    commit: expect.any(String),
    builtAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    platform: `${process.platform}-${process.arch}`,
    runtime: `bun ${Bun.version}`,
  })
  expect(await child.exited).toBe(0)
})

function unpack(zip: string, into: string): void {
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
    mkdirSync(dirname(join(into, name)), { recursive: true })
    writeFileSync(join(into, name), bytes)
  }
}

/** Waits for the line that tells the address; fails with everything that was printed when the program ends before. */
async function addressOf(...streams: readonly ReadableStream<Uint8Array>[]): Promise<string> {
  let text = ''
  return await new Promise<string>((resolve, reject) => {
    const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder()
      for await (const chunk of stream) {
        text += decoder.decode(chunk, { stream: true })
        const address = /listening on http:\/\/(\S+)/.exec(text)?.[1]
        if (address !== undefined) resolve(`http://${address.replace('localhost', '127.0.0.1')}`)
      }
    }
    void Promise.all(streams.map(read)).then(() => reject(new Error(`The program ended before it listened:\n${text}`)))
  })
}
