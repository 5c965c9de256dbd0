import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

const root = dirname(import.meta.dir)

/** The house, ground floor first. A room may import the rooms of the floors below its own, and no others. */
const floors = [
  ['kit'],
  ['ports'],
  ['core'],
  ['http1', 'wire'],
  ['translate'],
  [
    'identity',
    'limit',
    'route',
    'credential',
    'upstream',
    'rules',
    'mock',
    'telemetry',
    'usage',
    'guard',
    'hook',
    'cache',
    'idempotency',
  ],
  ['config'],
  ['snapshot'],
  ['gateway'],
  ['server'],
  ['boot'],
  ['convert', 'doctor'],
  ['cli'],
  ['main.ts'],
] as const satisfies readonly (readonly string[])[]

/** Files outside `src` that the program embeds. */
const embedded = new Set(['#config.example.yaml'])

const floorByRoom = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room as string, floor] as const)))
const sources = listFiles('src/**/*.{ts,tsx}')
const everyScript = [...sources, ...listFiles('{tests,bench,scripts}/**/*.{ts,mjs}')]
/** What runs in a browser: bundled by itself, with no access to the rest. */
const ofPage = 'src/server/ui/'

test('every folder of src is a room of the table', () => {
  const rooms = new Set(sources.map(roomOf))
  expect([...rooms].filter((room) => !floorByRoom.has(room))).toEqual([])
})

test('every import in src goes down: to a floor below, or to the same folder', () => {
  expect(sources.flatMap((file) => importsOf(file).flatMap((path) => fault(file, path) ?? []))).toEqual([])
})

test.each([
  { file: 'src/wire/sse.ts', path: '#core/dialect.ts', says: undefined },
  { file: 'src/wire/sse.ts', path: './dialect.ts', says: undefined },
  { file: 'src/wire/openai/error.ts', path: '#wire/sse.ts', says: undefined },
  { file: 'src/main.ts', path: '#cli/run.ts', says: undefined },
  { file: 'src/wire/sse.ts', path: 'node:fs', says: undefined },
  { file: 'src/core/call.ts', path: '#wire/sse.ts', says: 'wire is not below core' },
  { file: 'src/http1/pool.ts', path: '#wire/sse.ts', says: 'wire is not below http1' },
  { file: 'src/route/order.ts', path: '#upstream/breaker.ts', says: 'upstream is not below route' },
  { file: 'src/wire/sse.ts', path: '#attic/box.ts', says: 'there is no room "attic"' },
  { file: 'src/wire/sse.ts', path: '#wire/peek.ts', says: 'a file of the same folder is imported with "./"' },
  { file: 'src/wire/sse.ts', path: '../core/call.ts', says: 'another room is imported as "#room/file.ts"' },
  { file: 'src/wire/sse.ts', path: './openai/error.ts', says: 'another room is imported as "#room/file.ts"' },
  { file: 'src/wire/sse.ts', path: '#core/call', says: 'the import does not end in ".ts"' },
])('the rule of directions judges $file importing $path', ({ file, path, says }) => {
  expect(fault(file, path)).toBe(says === undefined ? undefined : `${file} imports "${path}": ${says}`)
})

test('the page in the browser is made of itself, its two libraries and one type, and nobody else imports it', () => {
  const own = /^(?:preact|preact\/hooks|@preact\/signals|\.\/[^/]+|#server\/ui\/.+)$/
  const wrong = sources.flatMap((file) =>
    file.startsWith(ofPage)
      ? importsOf(file).filter((path) => !own.test(path) && !(path === '#core/status.ts' && isTypeImport(file, path)))
      : importsOf(file).filter((path) => path.startsWith('#server/ui/') || path.startsWith('./ui/')),
  )
  expect(sources.filter((file) => file.startsWith(ofPage)).length).toBeGreaterThan(10)
  expect(wrong).toEqual([])
})

test('the reader of imports sees every form of import', () => {
  const text = [
    `import { a } from '#core/a.ts'`,
    `import type { B } from './b.ts'`,
    `import {`,
    `  c,`,
    `} from '#kit/c.ts'`,
    `export { d } from './d.ts'`,
    `import './e.ts'`,
    `const f = await import('#boot/f.ts')`,
    `type G = import('#core/g.ts').G`,
    `const text = 'not from here'`,
  ]
  const expected = ['#core/a.ts', './b.ts', '#kit/c.ts', './d.ts', './e.ts', '#boot/f.ts', '#core/g.ts']
  expect(importsIn(text.join('\n'))).toEqual(expected)
})

test('tests, benches and scripts import the program by "#room/file.ts"', () => {
  const others = everyScript.filter((file) => !file.startsWith('src/'))
  expect(others.filter((file) => importsOf(file).some((path) => /^\.{1,2}\/(?:.*\/)?src\//.test(path)))).toEqual([])
})

test('files are named in kebab-case, and none is called index, types, utils or helpers', () => {
  const name = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|e2e\.test|sim\.test))?\.(?:tsx?|mjs)$/
  const vague = /^(?:index|types|utils?|helpers?)\./
  const bad = everyScript.filter((file) => !name.test(posix.basename(file)) || vague.test(posix.basename(file)))
  expect(bad).toEqual([])
})

test('nothing is left to be done later in a comment', () => {
  const marks = /\b(?:TO[D]O|FIX[M]E|XX[X])\b/
  expect(everyScript.filter((file) => marks.test(read(file)))).toEqual([])
})

test('the map of the sources names every file', () => {
  // docs/map.md is generated by `make docs`; tests/docs.test.ts compares its text.
  const map = read('docs/map.md')
  expect(sources.filter((file) => !map.includes(file.slice('src/'.length)))).toEqual([])
})

test('every dependency is pinned to one version, in one lockfile that names no registry', () => {
  const manifest: Record<'dependencies' | 'devDependencies', Record<string, string>> = JSON.parse(read('package.json'))
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  expect(read('package-lock.json')).not.toContain('"resolved"')
  const others = ['bun.lock', 'bun.lockb', 'yarn.lock', 'pnpm-lock.yaml'].filter((file) => existsSync(join(root, file)))
  expect(others).toEqual([])
})

/** What is wrong with this import, or undefined. */
function fault(file: string, path: string): string | undefined {
  const says = judge(file, path)
  return says === undefined ? undefined : `${file} imports "${path}": ${says}`
}

function judge(file: string, path: string): string | undefined {
  if (embedded.has(path)) return undefined
  if (!path.startsWith('.') && !path.startsWith('#')) return undefined
  if (!/\.tsx?$/.test(path)) return 'the import does not end in ".ts"'
  if (path.startsWith('.')) {
    return /^\.\/[^/]+$/.test(path) ? undefined : 'another room is imported as "#room/file.ts"'
  }
  const room = roomOf(`src/${path.slice(1)}`)
  const floor = floorByRoom.get(room)
  const ownFloor = floorByRoom.get(roomOf(file))
  if (floor === undefined || ownFloor === undefined) return `there is no room "${room}"`
  if (room === roomOf(file)) {
    const isSameFolder = posix.dirname(`src/${path.slice(1)}`) === posix.dirname(file)
    return isSameFolder ? 'a file of the same folder is imported with "./"' : undefined
  }
  return floor < ownFloor ? undefined : `${room} is not below ${roomOf(file)}`
}

/** `src/wire/openai/error.ts` → `wire`, `src/main.ts` → `main.ts`. */
function roomOf(file: string): string {
  return file.split('/')[1] ?? ''
}

function isTypeImport(file: string, path: string): boolean {
  return read(file).includes(` from '${path}'`) && !new RegExp(`^import (?!type )[^'"]*'${path}'`, 'm').test(read(file))
}

function importsOf(file: string): string[] {
  return importsIn(read(file))
}

function importsIn(text: string): string[] {
  const forms =
    /^\s*(?:import|export)\b[^'"]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return [...text.matchAll(forms)].flatMap((match) => match[1] ?? match[2] ?? match[3] ?? [])
}

function listFiles(pattern: string): string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: root })].map((file) => file.replaceAll('\\', '/')).toSorted()
}

function read(file: string): string {
  const path = join(root, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
