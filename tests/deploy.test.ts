import { expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { parseDocument } from 'yaml'
import { readArgs } from '#cli/args.ts'
import { commandNamed } from '#cli/command-table.ts'
import { ConfigSchema } from '#config/schema.ts'

const root = dirname(import.meta.dir)
const unit = read('deploy/systemd/llm-proxy.service')
const plist = read('deploy/launchd/llm-proxy.plist')
const winsw = read('deploy/windows/llm-proxy.xml')
const dockerfile = read('deploy/docker/Dockerfile')

/** How each recipe starts the program: the words behind its path. */
const starts = [
  { name: 'systemd', words: setting('ExecStart')[0]?.split(' ').slice(1) ?? [] },
  { name: 'launchd', words: texts(/<array>([\s\S]*?)<\/array>/.exec(plist)?.[1] ?? '', 'string').slice(1) },
  { name: 'windows', words: texts(winsw, 'arguments')[0]?.split(' ') ?? [] },
  {
    name: 'windows task',
    words: /proxy-windows-amd64\.exe (serve [^"]+)"/.exec(read('deploy/windows/README.md'))?.[1]?.split(' ') ?? [],
  },
  {
    name: 'docker',
    words: [...(/^CMD \[(.*)\]$/m.exec(dockerfile)?.[1]?.matchAll(/"([^"]*)"/g) ?? [])].map((match) => match[1] ?? ''),
  },
]

test.each(starts)('the $name recipe starts the program with a command and flags that exist', ({ words }) => {
  const command = commandNamed(words[0] ?? '')
  expect(command?.name).toBe('serve')
  const parsed = readArgs(words.slice(1), command?.flags ?? {})
  expect(parsed).toMatchObject({ positionals: [], warnings: [], values: { 'no-color': true } })
  expect(parsed).toHaveProperty('values.config', expect.stringMatching(/config\.yaml$/))
})

const drainSeconds = v.parse(ConfigSchema, {}).shutdown.drain_timeout / 1000

test.each([
  { name: 'systemd', seconds: Number(setting('TimeoutStopSec')[0]) },
  { name: 'launchd', seconds: Number(/<key>ExitTimeOut<\/key>\s*<integer>(\d+)</.exec(plist)?.[1]) },
  { name: 'windows', seconds: Number(/<stoptimeout>(\d+) sec</.exec(winsw)?.[1]) },
])('the $name recipe waits longer for the end than the program drains', ({ seconds }) => {
  expect(seconds).toBeGreaterThan(drainSeconds + 5)
})

test.each([
  ['ExecReload', '/bin/kill -HUP $MAINPID'],
  ['DynamicUser', 'yes'],
  ['NoNewPrivileges', 'yes'],
  ['ProtectSystem', 'strict'],
  ['CapabilityBoundingSet', ''],
  [
    'UnsetEnvironment',
    'BUN_OPTIONS BUN_BE_BUN NODE_OPTIONS NODE_TLS_REJECT_UNAUTHORIZED NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR',
  ],
])('the systemd unit sets %s to "%s"', (key, value) => {
  expect(setting(key)).toEqual([value])
})

test('the systemd unit hands over each key that its comment tells to install, under the name that it tells to write', () => {
  const named = [...unit.matchAll(/\$\{cred:(\w+)\}/g)].map((match) => match[1] ?? '')
  expect(named).toEqual(['client', 'openai'])
  expect(setting('LoadCredential')).toEqual(named.map((name) => `${name}:/etc/llm-proxy/keys/${name}`))
  const installed = [...unit.matchAll(/^# +install -D -m 600 \S+ (\S+)$/gm)].map((match) => match[1] ?? '')
  expect(installed).toEqual(named.map((name) => `/etc/llm-proxy/keys/${name}`))
})

test('the systemd unit lets the engine compile to memory', () => {
  expect(setting('MemoryDenyWriteExecute')).toEqual([])
})

const analyzer = Bun.which('systemd-analyze')

test.skipIf(analyzer === null)('systemd finds nothing wrong in the unit and little exposed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-unit-'))
  const file = join(folder, 'llm-proxy.service')
  try {
    // The binary of the unit is not installed here, and systemd would complain about that.
    writeFileSync(file, unit.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath}`))
    const verified = analyze('verify', file)
    expect(verified).toEqual({ exitCode: 0, stderr: '' })
    // Tenths of systemd's exposure level, 0 to 10: more than 2.0 fails.
    expect(analyze('security', '--offline=yes', '--threshold=20', '--no-pager', file).exitCode).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const template = read('deploy/systemd/llm-proxy@.service')

test('F96: the systemd template for a rolling restart is the unit with a user for all, and a start that waits', () => {
  const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const known = new Set(linesOf(unit))
  const own = linesOf(template).filter((line) => !known.has(line))
  expect(own.map((line) => line.split('=')[0])).toEqual(['Description', 'ExecStartPost', 'TimeoutStartSec', 'User'])
  const kept = new Set(linesOf(template))
  expect(linesOf(unit).filter((line) => !kept.has(line))).toEqual([expect.stringMatching(/^Description=/)])
})

test.skipIf(analyzer === null)('systemd finds nothing wrong in the template', () => {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-unit-'))
  const file = join(folder, 'llm-proxy@1.service')
  try {
    writeFileSync(file, template.replace(/^ExecStart=.*$/m, `ExecStart=${process.execPath}`))
    expect(analyze('verify', file)).toEqual({ exitCode: 0, stderr: '' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  { name: 'the launchd property list', text: plist },
  { name: 'the WinSW file', text: winsw },
])('$name is well-formed XML', ({ text }) => {
  expect(xmlFault(text)).toBeUndefined()
})

test.each([
  { text: '<a><b/>x &amp; y<!-- <c> --></a>', fault: undefined },
  { text: '<a><b></a></b>', fault: '</a> closes <b>' },
  { text: '<a><b>', fault: '<b> is not closed' },
  { text: '<a/><b/>', fault: 'there are 2 outermost elements' },
  { text: '<a>x & y</a>', fault: 'a bare & or <' },
])('the reader of XML judges $text', ({ text, fault }) => {
  expect(xmlFault(text)).toBe(fault)
})

test('every key of the launchd property list has one value', () => {
  const dicts = plist.replaceAll(/<!--[\s\S]*?-->/g, '').replaceAll(/<(array)>[\s\S]*?<\/\1>/g, '<array/>')
  const innermost = [...dicts.matchAll(/<dict>((?:(?!<\/?dict>)[\s\S])*)<\/dict>/g)].map((match) => match[1] ?? '')
  expect(innermost.length).toBeGreaterThan(1)
  for (const body of innermost) {
    expect(body).toMatch(
      /^\s*(?:<key>\w+<\/key>\s*(?:<string>[^<]*<\/string>|<integer>\d+<\/integer>|<(?:true|false|array)\/>)\s*)+$/,
    )
  }
})

test('the image runs as nobody in particular and stops by SIGTERM', () => {
  const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  expect(final).toMatch(/^FROM debian:bookworm-slim$/m)
  expect(/^USER (.*)$/m.exec(final)?.[1]).toBe('65532:65532')
  expect(final).toMatch(/^STOPSIGNAL SIGTERM$/m)
  expect(final).toMatch(/^ENTRYPOINT \["\/usr\/local\/bin\/llm-proxy"\]$/m)
  const ignored = read('deploy/docker/Dockerfile.dockerignore').split('\n')
  expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', 'config.yaml', '**/.env*']))
})

test.each(['config.example.yaml'])('the image copies %s, which exists', (file) => {
  expect(dockerfile).toContain(`COPY ${file} `)
  expect(read(file)).not.toBe('')
})

test('D68: nginx hands streams on as they come and does not try a request twice', () => {
  const nginx = read('deploy/nginx/llm-proxy.conf')
  for (const line of [
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $llm_proxy_connection;',
    'proxy_set_header Host $host;',
    'proxy_set_header X-Real-IP $remote_addr;',
    'proxy_set_header X-Forwarded-For $remote_addr;',
    'proxy_set_header X-Forwarded-Proto $scheme;',
    'proxy_buffering off;',
    'proxy_request_buffering off;',
    'proxy_next_upstream off;',
    'gzip off;',
  ]) {
    expect(nginx).toContain(`        ${line}\n`)
  }
  expect(nginx.split('{')).toHaveLength(nginx.split('}').length)
  // Silence is ended here, with a reason, and not there.
  const limits = v.parse(ConfigSchema, {}).timeout
  for (const name of ['proxy_read_timeout', 'proxy_send_timeout']) {
    const seconds = Number(new RegExp(`${name} (\\d+)s;`).exec(nginx)?.[1])
    expect(seconds * 1000).toBeGreaterThan(name === 'proxy_read_timeout' ? limits.first_byte : limits.write)
  }
})

test('D80 A66: every command of the compose file is one, and its health is asked of the gateway itself', () => {
  const text = read('deploy/docker/compose.yaml')
  const commands = [...text.matchAll(/^\s*(?:# )?command: (\[.*\])$/gm)].map((match): string[] =>
    v.parse(v.array(v.string()), parseDocument(match[1] ?? '[]').toJS()),
  )
  expect(commands).toHaveLength(3)
  for (const [name = '', ...words] of commands) {
    expect(readArgs(words, commandNamed(name)?.flags ?? {})).toMatchObject({ positionals: [], warnings: [] })
  }
  const compose = v.parse(
    v.object({
      services: v.object({
        'llm-proxy': v.object({
          build: v.object({ context: v.string(), dockerfile: v.string() }),
          healthcheck: v.object({ test: v.array(v.string()) }),
          ports: v.array(v.string()),
          stop_grace_period: v.string(),
        }),
      }),
    }),
    parseDocument(text).toJS(),
  )
  const service = compose.services['llm-proxy']
  expect(read(service.build.dockerfile)).toBe(dockerfile)
  expect(service.healthcheck.test.join(' ')).toContain('/dev/tcp/127.0.0.1/8080')
  expect(service.healthcheck.test.join(' ')).toContain('GET /healthz')
  expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(drainSeconds + 5)
})

test('D69: systemd starts it after the network, and again when it failed', () => {
  expect([setting('After'), setting('Restart'), setting('RestartSec')]).toEqual([
    ['network-online.target'],
    ['on-failure'],
    ['5'],
  ])
})

test.each([['.github/workflows/check.yml'], ['.github/workflows/release.yml']])(
  '%s only calls scripts of package.json, with few rights',
  (file) => {
    const text = read(file)
    expect(parseDocument(text).errors).toEqual([])
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'))
    const called = [...text.matchAll(/\bnpm (?:run (?:--silent )?)?([a-z-]+)/g)].map((match) => match[1] ?? '')
    expect(called.length).toBeGreaterThan(0)
    expect(called.filter((name) => scripts[name] === undefined)).toEqual([])
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m)
  },
)

test('every target of the Makefile but help, setup and clean is a script of package.json, and the other way round', () => {
  const targets = [...read('Makefile').matchAll(/^([a-z-]+):.*## /gm)].map((match) => match[1] ?? '')
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'))
  const names = Object.keys(scripts).map((name) => (name === 'start' ? 'run' : name))
  expect(targets.filter((name) => name !== 'help' && name !== 'clean').toSorted()).toEqual(names.toSorted())
})

/** Values of a key of the unit, in order. */
function setting(key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')
}

function texts(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map((match) => match[1] ?? '')
}

/** The first thing that keeps the text from being well-formed: tags that do not nest, or a bare `&` or `<`. */
function xmlFault(text: string): string | undefined {
  const body = text.replaceAll(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>]*>/g, '')
  const tag = /<(\/?)([A-Za-z][\w.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/g
  const open: string[] = []
  let outermost = 0
  for (const [, isEnd, name = '', , isEmpty] of body.matchAll(tag)) {
    if (open.length === 0 && isEnd === '') outermost += 1
    if (isEnd === '/') {
      const last = open.pop()
      if (last !== name) return `</${name}> closes <${last ?? ''}>`
    } else if (isEmpty === '') {
      open.push(name)
    }
  }
  if (open.length > 0) return `<${open.at(-1)}> is not closed`
  if (outermost !== 1) return `there are ${outermost} outermost elements`
  const rest = body.replaceAll(tag, '').replaceAll(/&(?:amp|lt|gt|quot|apos);/g, '')
  return /[&<]/.test(rest) ? 'a bare & or <' : undefined
}

function analyze(...args: string[]): { exitCode: number; stderr: string } {
  const run = Bun.spawnSync([analyzer ?? '', ...args], { stdin: 'ignore' })
  return { exitCode: run.exitCode, stderr: run.stderr.toString() }
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
