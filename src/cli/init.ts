import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import example from '#config.example.yaml' with { type: 'text' }
import { exit } from './exit.ts'
import type { Io } from './io.ts'

/** `llm-proxy init [FILE]`: writes a commented starter configuration. Never overwrites. Resolves with 0 or 1. */
export async function init(path: string | undefined, io: Io): Promise<number> {
  const file = path ?? 'config.yaml'
  try {
    await mkdir(dirname(file), { recursive: true })
    // It will hold a key: for the owner alone.
    await writeFile(file, exampleText, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const reason = code === 'EEXIST' ? 'it exists already, and is left as it is' : String(error)
    io.stderr(`Cannot write "${file}": ${reason}\n`)
    return exit.failed
  }
  io.stdout(`Wrote ${file}. Start with: llm-proxy -config ${file}\n`)
  return exit.done
}

/** The text of `config.example.yaml`. */
const exampleText: string = example
