import { existsSync } from 'node:fs'
import type { Source } from '#boot/load.ts'

/** As for a start: a file that is named must be there; without the default one the environment says what there is. */
export function sourceOf(file: string | undefined): Source {
  if (file !== undefined) return { kind: 'file', file }
  return existsSync(defaultFile) ? { kind: 'file', file: defaultFile } : { kind: 'environment' }
}

const defaultFile = 'config.yaml'
