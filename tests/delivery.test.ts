import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const root = join(import.meta.dir, '..')

interface Job {
  readonly needs?: string | readonly string[]
  readonly strategy?: { readonly matrix?: { readonly os?: readonly string[] } }
  readonly steps: readonly { readonly run?: string }[]
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly jobs: Readonly<Record<string, Job>>
}

describe('B78: building', () => {
  test.each([
    { target: 'build', calls: 'scripts/build.ts' },
    { target: 'build-all', calls: 'scripts/build.ts --all' },
  ])('"make $target" and "npm run $target" call $calls', ({ target, calls }) => {
    const recipe = new RegExp(`^${target}:.*\\n\\t@?(.*)$`, 'm').exec(read('Makefile'))?.[1]
    expect(recipe).toEndWith(` ${calls}`)
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    expect(scripts[target]).toEndWith(` ${calls}`)
    expect(existsSync(join(root, 'scripts/build.ts'))).toBe(true)
  })
})

describe('B79: the workflows', () => {
  test('a tag is tested on three systems, then built for all six targets, then published', () => {
    const { on, jobs } = workflow('release.yml')
    expect(on).toEqual({ push: { tags: ['v*'] } })
    const { test: testing, release } = jobs
    expect(testing?.strategy?.matrix?.os?.map((os) => os.split('-')[0])).toEqual(['ubuntu', 'macos', 'windows'])
    expect(commandsOf(testing)).toEqual(['npm run check', 'npm test'])
    expect(release?.needs).toBe('test')
    const steps = commandsOf(release)
    const built = steps.findIndex((step) => step === 'npm run build-all')
    const published = steps.findIndex((step) => step.includes('gh release create') && step.includes('dist/*.zip'))
    expect(built).toBeGreaterThan(-1)
    expect(published).toBeGreaterThan(built)
  })

  test('every change is checked and tested', () => {
    const { on, jobs } = workflow('check.yml')
    expect(Object.keys(on).toSorted()).toEqual(['pull_request', 'push'])
    const all = Object.values(jobs).flatMap(commandsOf)
    expect(all).toContain('npm run check')
    expect(all).toContain('npm test')
  })
})

test('B82: every room of the sources has tests of its own', () => {
  const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(rooms.length).toBeGreaterThan(10)
  const bare = rooms.filter(({ name }) => {
    const folder = join(root, 'tests/unit', name)
    return !existsSync(folder) || !readdirSync(folder).some((file) => file.endsWith('.test.ts'))
  })
  expect(bare.map(({ name }) => name)).toEqual([])
})

test('B82: no test leaves log files beside it', () => {
  const entries = readdirSync(join(root, 'tests'), { recursive: true }).map(String)
  expect(entries.filter((entry) => entry.endsWith('.log'))).toEqual([])
})

test('B83: the licence is MIT, and there are documents and READMEs in two languages that name each other', () => {
  expect(read('LICENSE')).toStartWith('MIT License\n')
  expect((JSON.parse(read('package.json')) as { license: string }).license).toBe('MIT')
  expect(read('README.md')).toContain('](README.zh-CN.md)')
  expect(read('README.zh-CN.md')).toContain('](README.md)')
  expect(read('README.zh-CN.md')).toMatch(/\p{Script=Han}{10}/u)
  for (const file of [
    'docs/quickstart.md',
    'docs/reference/config.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
  ])
    expect(existsSync(join(root, file))).toBe(true)
})

function workflow(name: string): Workflow {
  return parse(read(`.github/workflows/${name}`)) as Workflow
}

function commandsOf(job: Job | undefined): string[] {
  return (job?.steps ?? []).flatMap(({ run }) => (run === undefined ? [] : [run]))
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
