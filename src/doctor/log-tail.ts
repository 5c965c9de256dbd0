import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { datedPath } from '#telemetry/rotate.ts'
import type { LoggingPolicy } from '#telemetry/policy.ts'

/** The end of the general log. */
export interface LogTail {
  readonly file: string
  readonly lines: readonly string[]
}

/** The last lines of the newest log file; a sentence where there are none to show. Never rejects. */
export async function readLogTail(logging: LoggingPolicy): Promise<LogTail | string> {
  const { generalFile, mergedRequests } = logging
  if (generalFile === undefined) return 'there is no log file ("logging.general_file" is not set)'
  if (mergedRequests) return 'the log is left out: at this level it holds the texts of requests'
  try {
    const file = await newestOf(generalFile)
    return file === undefined ? `there is no log file like ${generalFile} yet` : await tailOf(file)
  } catch (error) {
    return `the log cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Limit: lines that are shown, and bytes in which they are looked for. */
const linesMax = 200
const bytesMax = 256 * 1024

async function newestOf(generalFile: string): Promise<string | undefined> {
  const [before = '', behind = ''] = datedPath(generalFile, dayMark).split(dayMark)
  const folder = dirname(`${before}x`)
  const start = basename(`${before}x`).slice(0, -1)
  let newest: { readonly file: string; readonly changedMs: number } | undefined
  for (const name of await readdir(folder)) {
    const rest = name.startsWith(start) ? name.slice(start.length) : ''
    const isPart =
      /^\d{4}-\d{2}-\d{2}$/.test(rest.slice(0, 10)) && /^(?:\.\d+)?$/.test(rest.slice(10).replace(behind, ''))
    if (!isPart) continue
    const file = join(folder, name)
    const { mtimeMs } = await stat(file)
    if (newest === undefined || mtimeMs > newest.changedMs) newest = { file, changedMs: mtimeMs }
  }
  return newest?.file
}

/** Stands for a day in the name of a file. */
const dayMark = '0000-00-00'

async function tailOf(file: string): Promise<LogTail> {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const start = Math.max(0, size - bytesMax)
    const buffer = Buffer.alloc(size - start)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n')
    // The first one is cut where the reading began in the middle of the file.
    return { file, lines: (start === 0 ? lines : lines.slice(1)).slice(-linesMax) }
  } finally {
    await handle.close()
  }
}
