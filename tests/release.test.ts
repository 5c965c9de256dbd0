import { afterAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import { binaryName, readManifest, targets } from '../scripts/compile.ts'
import { packagesInside } from '../scripts/inside.ts'
import { writeBillOfMaterials, writeSums, zipBinary } from '../scripts/pack.ts'

const root = dirname(import.meta.dir)
const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-release-'))
afterAll(() => rmSync(folder, { recursive: true }))

const time = new Date('2026-02-03T04:05:06Z')
const binary = join(folder, 'llm-proxy-linux-amd64')
writeFileSync(binary, 'not really a program')

test('B77: a release has the six names', () => {
  expect(targets.map(binaryName).toSorted()).toEqual([
    'llm-proxy-darwin-amd64',
    'llm-proxy-darwin-arm64',
    'llm-proxy-linux-amd64',
    'llm-proxy-linux-arm64',
    'llm-proxy-windows-amd64.exe',
    'llm-proxy-windows-arm64.exe',
  ])
})

test('B77: a zip holds the binary, the example configuration, the documents and the licence in one folder', () => {
  const files = unzipped('one.zip')
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining([
      'llm-proxy/LICENSE',
      'llm-proxy/README.md',
      'llm-proxy/README.zh-CN.md',
      'llm-proxy/config.example.yaml',
      'llm-proxy/deploy/systemd/llm-proxy.service',
      'llm-proxy/deploy/windows/llm-proxy.xml',
      'llm-proxy/docs/reference/config.md',
      'llm-proxy/llm-proxy-linux-amd64',
    ]),
  )
  expect(Object.keys(files).filter((name) => !name.startsWith('llm-proxy/'))).toEqual([])
  expect(strFromU8(files['llm-proxy/config.example.yaml'] ?? new Uint8Array())).toBe(
    readFileSync(join(root, 'config.example.yaml'), 'utf8'),
  )
})

test('every link in a document of the zip leads to something in the zip', () => {
  const files = unzipped('links.zip')
  const names = Object.keys(files)
  const documents = names.filter((name) => name.endsWith('.md'))
  expect(documents.length).toBeGreaterThan(20)
  const dead = documents.flatMap((file) =>
    [...strFromU8(files[file] ?? new Uint8Array()).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => posix.join(posix.dirname(file), target).replace(/\/$/, ''))
      .filter((target) => !names.some((name) => name === target || name.startsWith(`${target}/`)))
      .map((target) => `${file}: ${target}`),
  )
  expect(dead).toEqual([])
})

test('a zip of the same input has the same bytes, and makes the binary executable', () => {
  const [one, two] = ['a.zip', 'b.zip'].map((name) => {
    const zip = join(folder, name)
    zipBinary(binary, zip, time)
    return readFileSync(zip)
  })
  expect(two?.equals(one ?? Buffer.of())).toBe(true)
  // In the central directory: the external attributes stand 8 bytes before the name, made by Unix 41 bytes before it.
  const name = one?.lastIndexOf('llm-proxy/llm-proxy-linux-amd64') ?? 0
  expect(one?.readUInt32LE(name - 8)).toBe(0o755 * 2 ** 16)
  expect(one?.readUInt8(name - 41)).toBe(3)
})

test('the sums are those that sha256sum checks', () => {
  const sums = join(folder, 'SHA256SUMS')
  writeSums([binary], sums)
  const digest = createHash('sha256').update('not really a program').digest('hex')
  expect(readFileSync(sums, 'utf8')).toBe(`${digest}  llm-proxy-linux-amd64\n`)
})

test('the bill of materials lists the dependencies of package.json and bun, with hash and licence', () => {
  const inside = packagesInside()
  const names = inside.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['bun', ...Object.keys(readManifest().dependencies)]))
  expect(names).not.toContain('typescript')
  for (const { sha512, license } of inside) {
    expect(sha512).toMatch(/^[0-9a-f]{128}$/)
    expect(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0']).toContain(license)
  }
  const file = join(folder, 'sbom.cdx.json')
  writeBillOfMaterials(file, { version: '1.2.3', commit: 'abc', time })
  const bill: object = JSON.parse(readFileSync(file, 'utf8'))
  expect(bill).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    metadata: { timestamp: '2026-02-03T04:05:06.000Z', component: { name: 'llm-proxy', version: '1.2.3' } },
  })
  expect(bill).toHaveProperty('components.length', inside.length)
})

test('every package inside the binary has its row in the decision about dependencies', () => {
  const decision = readFileSync(join(root, 'docs/decisions/0007-no-dependency-without-a-paper.md'), 'utf8')
  const missing = Object.keys(readManifest().dependencies).filter((name) => !decision.includes(`\n| \`${name}\` |`))
  expect(missing).toEqual([])
})

test('the changelog has a section for the version of package.json', () => {
  expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`\n## ${readManifest().version}\n`)
})

function unzipped(name: string): ReturnType<typeof unzipSync> {
  const zip = join(folder, name)
  zipBinary(binary, zip, time)
  return unzipSync(readFileSync(zip))
}
