import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

/** From the save to the line in the log. */
const noticedMs = 1000
const isWindows = process.platform === 'win32'

/** A configuration whose aliases are all answered by the built-in mock backend. */
function configOf(aliases: readonly string[], more = ''): string {
  const routes = aliases.map((alias) => `  ${alias}: { routes: [{ backend: up, model: ok }] }`)
  return `listen: "127.0.0.1:0"
proxy_api_key: sk-client
backends: [{ name: up, url: "mock://up" }]
models:
${routes.join('\n')}
${more}`
}

async function statusOf(gateway: { readonly url: string }, model: string, key = 'sk-client'): Promise<number> {
  return (await rawRequest(gateway.url, chatRequest(model, { stream: false }, key))).status
}

function countOf(gateway: RunningGateway, pattern: RegExp): number {
  return [...gateway.output().matchAll(new RegExp(pattern, 'g'))].length
}

/** The lines about configurations that cannot be used. */
const complaint = /\[WARN\] Cannot (?:read|reload) /

describe('B45: a saved change counts from the next request on, within a second', () => {
  const ways: readonly { name: string; save: (file: string, text: string) => void | Promise<void> }[] = [
    { name: 'a write in place', save: (file, text) => writeFileSync(file, text) },
    {
      name: 'an editor that keeps a backup: rename away, write anew',
      save(file, text) {
        renameSync(file, `${file}~`)
        writeFileSync(file, text)
        rmSync(`${file}~`)
      },
    },
    {
      name: 'an editor that writes beside it and renames',
      save(file, text) {
        writeFileSync(`${file}.tmp`, text)
        renameSync(`${file}.tmp`, file)
      },
    },
    {
      name: 'F55: an editor that empties the file and writes it in two steps',
      async save(file, text) {
        const half = Math.floor(text.length / 2)
        const handle = openSync(file, 'w')
        await Bun.sleep(50)
        writeSync(handle, text.slice(0, half))
        await Bun.sleep(50)
        writeSync(handle, text.slice(half))
        closeSync(handle)
      },
    },
  ]

  test.each(ways)('$name', async ({ save }) => {
    await using gateway = await startGateway(configOf(['old']))
    expect(await statusOf(gateway, 'new')).toBe(404)
    await save(gateway.configFile, configOf(['old', 'new']))
    await gateway.told(/reloaded: version=2 changes=alias new added$/m, noticedMs)
    expect([await statusOf(gateway, 'new'), await statusOf(gateway, 'old')]).toEqual([200, 200])
    // And once more, since some ways of watching see only the first change.
    await save(gateway.configFile, configOf(['new']))
    await gateway.told(/reloaded: version=3 changes=alias old removed$/m, noticedMs)
    expect([await statusOf(gateway, 'new'), await statusOf(gateway, 'old')]).toEqual([200, 404])
    expect([countOf(gateway, complaint), countOf(gateway, /reloaded/)]).toEqual([0, 2])
  })

  test('F56: of a hundred atomic renames within a second the last one wins', async () => {
    await using gateway = await startGateway(configOf(['old']))
    for (let turn = 1; turn <= 100; turn += 1) {
      writeFileSync(`${gateway.configFile}.${turn}`, configOf(['old', `turn-${turn}`]))
      renameSync(`${gateway.configFile}.${turn}`, gateway.configFile)
      await Bun.sleep(5)
    }
    await gateway.told(/changes=.*alias turn-100 added$/m, noticedMs)
    expect([await statusOf(gateway, 'turn-100'), await statusOf(gateway, 'turn-99')]).toEqual([200, 404])
    expect(countOf(gateway, complaint)).toBe(0)
  })

  test.skipIf(isWindows)('F57: a mounted volume swaps the link that the file lies behind', async () => {
    using volume = mountedVolume(configOf(['old']))
    await using gateway = await startGateway('', { args: ['-config', volume.file] })
    volume.swap(configOf(['old', 'new']))
    await gateway.told(/reloaded: version=2 changes=alias new added$/m, noticedMs)
    volume.swap(configOf(['new']))
    await gateway.told(/reloaded: version=3 changes=alias old removed$/m, noticedMs)
    expect([await statusOf(gateway, 'new'), await statusOf(gateway, 'old')]).toEqual([200, 404])
  })

  test('F58: a deleted file changes nothing but a warning, and its return counts', async () => {
    await using gateway = await startGateway(configOf(['old']))
    rmSync(gateway.configFile)
    await gateway.told(
      /\[WARN\] Cannot read .*config\.yaml: there is no such file, the last good configuration stays$/m,
      noticedMs,
    )
    expect(await statusOf(gateway, 'old')).toBe(200)
    writeFileSync(gateway.configFile, configOf(['old', 'new']))
    await gateway.told(/reloaded: version=2 changes=alias new added$/m, noticedMs)
    expect(await statusOf(gateway, 'new')).toBe(200)
    expect(countOf(gateway, complaint)).toBe(1)
  })

  test('a touch without a change is no reload', async () => {
    await using gateway = await startGateway(configOf(['old']))
    await gateway.told(/Try it[\s\S]*\}'$/m)
    const before = gateway.output()
    for (const touch of [
      () => utimesSync(gateway.configFile, new Date(), new Date()),
      () => gateway.rewrite(configOf(['old'])),
      () => {
        renameSync(gateway.configFile, `${gateway.configFile}~`)
        renameSync(`${gateway.configFile}~`, gateway.configFile)
      },
    ]) {
      touch()
      // Long enough for each to be looked at by itself.
      await Bun.sleep(250)
    }
    gateway.rewrite(configOf(['old', 'new']))
    await gateway.told(/version=2/, noticedMs)
    expect(gateway.output().slice(before.length).trim().split('\n')).toHaveLength(1)
  })

  test.skipIf(isWindows)('a secret in a file of its own is rotated like the configuration itself', async () => {
    await using mock = servedMock()
    const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-secrets-'))
    const secret = join(folder, 'key')
    writeFileSync(secret, 'sk-first-key-of-the-backend\n', { mode: 0o600 })
    await using gateway = await startGateway(`
backends: [{ name: up, url: "${mock.url}/v1", api_key: "\${file:${secret}}" }]
models: { m: { routes: [{ backend: up, model: ok }] } }`)
    await statusOf(gateway, 'm')
    writeFileSync(`${secret}.new`, 'sk-second-key-of-the-backend\n', { mode: 0o600 })
    renameSync(`${secret}.new`, secret)
    await gateway.told(/reloaded: version=2 changes=backend up: api_key changed$/m, noticedMs)
    await statusOf(gateway, 'm')
    rmSync(folder, { recursive: true })
    expect(mock.diary.requests.map((request) => request.headers.get('authorization'))).toEqual([
      'Bearer sk-first-key-of-the-backend',
      'Bearer sk-second-key-of-the-backend',
    ])
    expect(gateway.output()).not.toMatch(/sk-(first|second)-key/)
  })
})

test.each([
  { name: 'beside the configuration', folder: '.' },
  { name: 'in a folder of its own', folder: 'keys' },
])('a key file that a refused configuration misses is noticed when it comes, $name', async ({ folder }) => {
  await using gateway = await startGateway(configOf(['old']))
  mkdirSync(join(gateway.directory, folder), { recursive: true })
  gateway.rewrite(configOf(['old', 'new']).replace('sk-client', `"\${file:${folder}/key}"`))
  await gateway.told(/\[WARN\] Cannot reload .*key" cannot be read/, noticedMs)
  writeFileSync(join(gateway.directory, folder, 'key'), 'sk-from-a-file\n', { mode: 0o600 })
  await gateway.told(/reloaded: version=2/, noticedMs)
  expect(await statusOf(gateway, 'new', 'sk-from-a-file')).toBe(200)
})

test.skipIf(isWindows)(
  'B48, F60: editor save, rename and link swap cut none of 200 running streams, and each new alias is there within a second',
  async () => {
    await using mock = servedMock()
    const config = (aliases: readonly string[], backend: string): string => `
listen: "127.0.0.1:0"
backends: [{ name: ${backend}, url: "${mock.url}/v1" }]
models: { ${aliases.map((alias) => `${alias}: { routes: [{ backend: ${backend}, model: "tokens=40+gap=75" }] }`).join(', ')} }`
    using volume = mountedVolume(config(['first'], 'one'))
    await using gateway = await startGateway('', { args: ['-config', volume.file] })
    const clients = await Promise.all(Array.from({ length: 200 }, async () => await rawClient(gateway.url)))
    try {
      const streams = clients.map((client) => client.send(chatRequest('first')))
      await Promise.all(streams.map(async (stream) => await stream.begun))

      // The last one also removes the alias and the backend that the streams came through.
      volume.swap(config(['first', 'second'], 'one'))
      await gateway.told(/version=2 changes=alias second added$/m, noticedMs)
      writeFileSync(`${volume.file}.tmp`, config(['first', 'second', 'third'], 'one'))
      renameSync(`${volume.file}.tmp`, volume.file)
      await gateway.told(/version=3 changes=alias third added$/m, noticedMs)
      renameSync(volume.file, `${volume.file}~`)
      writeFileSync(volume.file, config(['fourth'], 'two'))
      await gateway.told(/version=4 changes=.*backend one removed.*alias first removed/, noticedMs)
      expect(await statusOf(gateway, 'first')).toBe(404)
      const late = await rawRequest(gateway.url, chatRequest('fourth', { max_tokens: 1 }))
      expect(late.status).toBe(200)
      expect(mock.diary.ends).toHaveLength(1)

      const answers = await Promise.all(streams.map(async (stream) => await stream.ended))
      const wanted = answers[0]?.text.match(/^data: /gm)?.length ?? 0
      expect(wanted).toBeGreaterThan(40)
      for (const { status, isWhole, text } of answers) {
        expect([status, isWhole]).toEqual([200, true])
        expect(text.match(/^data: /gm)).toHaveLength(wanted)
        expect(text).toEndWith('data: [DONE]\n\n')
      }
      expect(new Set(mock.diary.ends)).toEqual(new Set(['complete']))
    } finally {
      for (const client of clients) client.close()
    }
  },
)

describe.concurrent('B46: a bad edit keeps the last good configuration and is told once', () => {
  const bad = [
    { name: 'F54: text that is no YAML', text: 'models: {\n  m: [\n', says: /unclosed|expected|flow/i },
    {
      name: 'N110, F59: a route to a backend that does not exist, with a good change beside it',
      text: configOf(['old', 'new'], 'fallback: { alias_fallback: { old: [new] } }').replace(
        'backend: up',
        'backend: un',
      ),
      says: /config\.yaml:5:\d+ models\.old\.routes\[0\]\.backend: .*"un".*up/,
    },
    {
      name: 'F62: a variable that is not set',
      text: configOf(['old']).replace('sk-client', '${NO_SUCH_VARIABLE}'),
      says: /NO_SUCH_VARIABLE/,
    },
    { name: 'a file that was emptied and stays so', text: '', says: /empty/ },
    { name: 'a value out of its bounds', text: `${configOf(['old'])}max_body_size: 1\n`, says: /max_body_size/ },
    {
      name: 'F63: far too large a file',
      text: `${configOf(['old'])}#${'x'.repeat(50_000_000)}`,
      says: /larger than \d+mb/,
    },
  ]

  test.each(bad)('$name', async ({ text, says }) => {
    await using gateway = await startGateway(configOf(['old']))
    writeFileSync(gateway.configFile, text)
    await gateway.told(says, 2 * noticedMs)
    const [line = ''] = await gateway.told(/^.*the last good configuration stays.*$/m)
    expect(line).toContain('[WARN]')
    // The same text again is no news.
    writeFileSync(gateway.configFile, text)
    expect([await statusOf(gateway, 'old'), await statusOf(gateway, 'new')]).toEqual([200, 404])
    await Bun.sleep(300)
    gateway.rewrite(configOf(['old']))
    await gateway.told(/\[INFO\] Configuration .*config\.yaml is again the one that is running$/m, noticedMs)
    expect([countOf(gateway, complaint), countOf(gateway, /reloaded/)]).toEqual([1, 0])
  })

  test('every bad edit is an edit of its own, and the good one after them counts', async () => {
    await using gateway = await startGateway(configOf(['old']))
    for (const alias of ['one', 'two']) {
      gateway.rewrite(configOf([alias]).replace('backend: up', `backend: no-${alias}`))
      await gateway.told(new RegExp(`"no-${alias}"`), noticedMs)
    }
    gateway.rewrite(configOf(['old', 'new']))
    await gateway.told(/reloaded: version=2 changes=alias new added$/m, noticedMs)
    expect(countOf(gateway, complaint)).toBe(2)
    expect(await statusOf(gateway, 'new')).toBe(200)
  })
})

describe('what a reload keeps and what it changes', () => {
  test('B47: a route that rests goes on resting', async () => {
    await using mock = servedMock()
    const config = (more: string): string => `
backends: [{ name: up, url: "${mock.url}/v1" }]
models:
  m: { routes: [{ backend: up, model: e503, priority: 1 }, { backend: up, model: ok, priority: 2 }] }
  ${more}`
    await using gateway = await startGateway(config(''))
    expect(await statusOf(gateway, 'm')).toBe(200)
    gateway.rewrite(config('other: { routes: [{ backend: up, model: e503 }] }'))
    await gateway.told(/version=2/, noticedMs)
    expect(await statusOf(gateway, 'm')).toBe(200)
    // The new alias leads to the same pair of backend and model, so it rests too.
    expect(await statusOf(gateway, 'other')).toBe(503)
    expect(mock.diary.requests.map(({ model }) => model)).toEqual(['e503', 'ok', 'ok'])
  })

  test('B49: level, form, masks and limits of the new configuration hold at once', async () => {
    await using gateway = await startGateway(configOf(['m'], 'max_body_size: 1kb'))
    const large = { stream: false, padding: 'x'.repeat(3_000_000) }
    const post = async (): Promise<number> =>
      (await rawRequest(gateway.url, chatRequest('m', large, 'sk-client'))).status
    expect(await post()).toBe(413)
    expect(gateway.output()).not.toContain('[DEBUG]')

    gateway.rewrite(configOf(['m'], 'max_body_size: 4mb\nlogging: { level: debug }'))
    await gateway.told(/version=2 changes=max_body_size 1kb → 4mb; logging\.level info → debug$/m, noticedMs)
    expect(await post()).toBe(200)
    await gateway.told(/\[DEBUG\] \[req_/)

    gateway.rewrite(configOf(['m'], 'logging: { level: debug, format: json }'))
    await gateway.told(/^\{.*"event":"config_reloaded".*\}$/m, noticedMs)
  })

  test.each([
    { masks: true, shown: 'Bearer sk-cl****2345' },
    { masks: false, shown: 'Bearer sk-client-key-12345' },
  ])('B49: mask_sensitive $masks shows a key as "$shown"', async ({ masks, shown }) => {
    const config = (mask: boolean): string => `
proxy_api_key: sk-client-key-12345
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
logging: { level: debug, mask_sensitive: ${mask} }`
    await using gateway = await startGateway(config(!masks))
    gateway.rewrite(config(masks))
    await gateway.told(/version=2/, noticedMs)
    await statusOf(gateway, 'm', 'sk-client-key-12345')
    const [line] = await gateway.told(/^ *authorization: .*$/m)
    expect(line).toEndWith(shown)
  })

  test('a new client key replaces the old one', async () => {
    await using gateway = await startGateway(configOf(['m']))
    gateway.rewrite(configOf(['m']).replace('sk-client', 'sk-other-client'))
    await gateway.told(/version=2 changes=proxy_api_key changed$/m, noticedMs)
    expect([await statusOf(gateway, 'm'), await statusOf(gateway, 'm', 'sk-other-client')]).toEqual([401, 200])
    expect(gateway.output()).not.toContain('sk-other-client')
  })

  test('B50, F61: a new address needs a restart, and the running one stays', async () => {
    await using gateway = await startGateway(configOf(['m']))
    gateway.rewrite(configOf(['m', 'new']).replace('127.0.0.1:0', '127.0.0.1:1'))
    await gateway.told(/\[WARN\] Changes to listen need a restart, the running values stay$/m, noticedMs)
    expect(await statusOf(gateway, 'new')).toBe(200)
  })

  test('a reload never opens a public listener to everyone', async () => {
    await using gateway = await startGateway(configOf(['m']).replace('127.0.0.1', '0.0.0.0'))
    gateway.rewrite(configOf(['m', 'new']).replace('127.0.0.1', '0.0.0.0').replace('proxy_api_key: sk-client', ''))
    await gateway.told(/\[WARN\] Cannot reload .*"proxy_api_key"/, noticedMs)
    expect([await statusOf(gateway, 'm', ''), await statusOf(gateway, 'new'), await statusOf(gateway, 'm')]).toEqual([
      401, 404, 200,
    ])
  })

  test('one line tells the difference in words', async () => {
    await using gateway = await startGateway(`
backends: [{ name: up, url: "mock://up" }, { name: old, url: "mock://old" }]
models:
  m: { routes: [{ backend: up, model: ok, priority: 1, weight: 1 }, { backend: old, model: ok, priority: 2 }] }`)
    gateway.rewrite(`
backends: [{ name: up, url: "mock://elsewhere" }]
models:
  m: { routes: [{ backend: up, model: ok, priority: 1, weight: 3 }] }
  n: { routes: [{ backend: up, model: other }] }
fallback: { cooldown_seconds: 60, alias_fallback: { m: [n] } }`)
    const [, changes = ''] = await gateway.told(/\[INFO\] Configuration reloaded: version=2 changes=(.*)$/m, noticedMs)
    for (const part of [
      'backend old removed',
      'backend up: url changed',
      'route old/ok removed',
      'route up/ok weight 1 → 3',
      'falls back to n now',
      'alias n added',
      'fallback.cooldown_seconds 30 → 60',
    ])
      expect(changes).toContain(part)
  })
})

describe.skipIf(isWindows)('SIGHUP', () => {
  test('reads the configuration at once, and says so when nothing changed', async () => {
    await using gateway = await startGateway(configOf(['m']))
    gateway.signal('SIGHUP')
    await gateway.told(/\[INFO\] Configuration .*config\.yaml is unchanged$/m, noticedMs)
    gateway.rewrite(configOf(['m', 'new']))
    gateway.signal('SIGHUP')
    await gateway.told(/version=2/, noticedMs)
    expect(await statusOf(gateway, 'new')).toBe(200)
    expect(countOf(gateway, /reloaded/)).toBe(1)
  })

  test('whoever asks is told of a bad configuration each time', async () => {
    await using gateway = await startGateway(configOf(['m']))
    gateway.rewrite('models: [')
    await gateway.told(/\[WARN\]/, noticedMs)
    gateway.signal('SIGHUP')
    await gateway.told(/(\[WARN\] Cannot reload[\s\S]*){2}/, noticedMs)
    expect(await statusOf(gateway, 'm')).toBe(200)
  })

  test('F65: a storm of a thousand is a few looks, and the last content counts', async () => {
    await using gateway = await startGateway(configOf(['m']))
    for (let turn = 0; turn < 1000; turn += 1) {
      gateway.signal('SIGHUP')
      if (turn === 500) gateway.rewrite(configOf(['m', 'new']))
    }
    await gateway.told(/version=2/, noticedMs)
    expect(await statusOf(gateway, 'new')).toBe(200)
    expect(await gateway.stop()).toBe(0)
    expect(countOf(gateway, /reloaded/)).toBe(1)
    expect(countOf(gateway, /is unchanged/)).toBeLessThan(100)
  })
})

interface MountedVolume extends Disposable {
  /** A link over two others to the file, as orchestrators mount it. */
  readonly file: string
  /** Puts the next version in place of the current one. */
  swap(text: string): void
}

function mountedVolume(text: string): MountedVolume {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-volume-'))
  const file = join(folder, 'config.yaml')
  let version = 0
  const lay = (content: string): void => {
    version += 1
    mkdirSync(join(folder, `..${version}`))
    writeFileSync(join(folder, `..${version}`, 'config.yaml'), content)
    symlinkSync(`..${version}`, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    rmSync(join(folder, `..${version - 1}`), { recursive: true, force: true })
  }
  lay(text)
  symlinkSync('..data/config.yaml', file)
  return { file, swap: lay, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}
