import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/compile.ts'

/** Everything that the bench makes and may be thrown away. */
export const cacheDirectory = join(root, '.cache', 'bench')

/** Paths of the compiled load generator and mock upstream. */
export interface NativeTools {
  readonly loadGenerator: string
  readonly mockUpstream: string
}

/** Compiles both programs unless that was done for the same sources before. */
export function compileNative(): NativeTools {
  mkdirSync(cacheDirectory, { recursive: true })
  return { loadGenerator: compileOne('lg'), mockUpstream: compileOne('mock') }
}

function compileOne(name: 'lg' | 'mock'): string {
  const sources = join(root, 'bench', 'native')
  const digest = createHash('sha256')
  for (const file of ['common.h', `${name}.c`]) digest.update(readFileSync(join(sources, file)))
  const binary = join(cacheDirectory, `${name}-${digest.digest('hex').slice(0, 12)}`)
  if (existsSync(binary)) return binary
  const compiler = Bun.which('cc') ?? Bun.which('gcc')
  if (compiler === null) {
    throw new Error(
      'Cannot compile the load generator: there is no C compiler, and one is needed (apt-get install gcc libc6-dev)',
    )
  }
  const half = `${binary}.${process.pid}`
  const run = Bun.spawnSync([compiler, '-O2', '-Wall', '-o', half, join(sources, `${name}.c`), '-lm'])
  if (run.exitCode !== 0)
    throw new Error(`Cannot compile "${name}.c": the compiler refused it\n${run.stderr.toString()}`)
  renameSync(half, binary)
  return binary
}
