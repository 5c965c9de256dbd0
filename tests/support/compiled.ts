import * as v from 'valibot'
import { ConfigSchema, type ConfigInput } from '#config/schema.ts'
import { compileSnapshot, type CompileContext, type Compilation } from '#snapshot/compile.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'

/** Compiles a configuration without a file, problems and all; it listens on loopback unless told otherwise. */
export function compileInput(input: ConfigInput, context: Partial<CompileContext> = {}): Compilation {
  return compileSnapshot(v.parse(ConfigSchema, { listen: '127.0.0.1:0', ...input }), {
    version: 1,
    digest: 'test',
    file: 'config.yaml',
    offBackends: new Set(),
    secrets: [],
    ...context,
  })
}

/** Compiles a configuration that is right; throws with its problems when it is not. */
export function snapshotOf(input: ConfigInput, context: Partial<CompileContext> = {}): Snapshot {
  const { snapshot, problems } = compileInput(input, context)
  if (snapshot === undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
  return snapshot
}
