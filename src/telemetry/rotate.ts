import type { Files } from '#ports/files.ts'

/** `./logs/proxy.log` and `2026-01-13` → `./logs/proxy_2026-01-13.log`; a path that says `{date}` gets the day there. */
export function datedPath(path: string, day: string): string {
  if (path.includes('{date}')) return plainPath(path, day)
  const [, stem = '', extension = ''] = /^(.*?[^/\\])(\.[^./\\]*)?$/s.exec(path) ?? []
  return plainPath(`${stem}_${day}${extension}`, day)
}

/** A path without braces: `{date}` is the day, other placeholders never become names of files. */
export function plainPath(path: string, day: string): string {
  return path.replaceAll('{date}', day).replace(/[{}]/g, '')
}

/**
 * Appends to a file that goes on in `.1`, `.2`, … when it is full; the highest number is the newest. A file that someone
 * moves away is begun anew, because it is opened for every batch.
 */
export class RollingFiles {
  readonly #files: Files
  /** The part that is written now, by path. Limit: the last two, as records of two days may meet in one batch. */
  readonly #parts = new Map<string, Part>()

  constructor(files: Files) {
    this.#files = files
  }

  /** Whole records, each with its line feed. A part exceeds `bytesMax` only when one record alone does. */
  async append(path: string, records: string, bytesMax: number): Promise<void> {
    const part = await this.#partOf(path)
    if (part.bytes + Buffer.byteLength(records) <= bytesMax) return await this.#write(path, part, records)
    let text = ''
    let bytes = 0
    for (const line of records.split(recordStart)) {
      const lineBytes = Buffer.byteLength(line)
      if (part.bytes + bytes > 0 && part.bytes + bytes + lineBytes > bytesMax) {
        if (text !== '') await this.#write(path, part, text)
        part.index += 1
        part.bytes = (await this.#files.size(partPath(path, part.index))) ?? 0
        text = ''
        bytes = 0
      }
      text += line
      bytes += lineBytes
    }
    if (text !== '') await this.#write(path, part, text)
  }

  async #write(path: string, part: Part, text: string): Promise<void> {
    const target = partPath(path, part.index)
    const gap = part.isTorn && !(await this.#files.endsLine(target)) ? '\n' : ''
    part.isTorn = true
    part.bytes = await this.#files.append(target, gap + text)
    part.isTorn = false
  }

  async #partOf(path: string): Promise<Part> {
    const known = this.#parts.get(path)
    if (known !== undefined) return known
    let index = 0
    while ((await this.#files.size(partPath(path, index + 1))) !== undefined) index += 1
    // Whoever wrote it before may have been killed in the middle of a line.
    const bytes = (await this.#files.size(partPath(path, index))) ?? 0
    const part = { index, bytes, isTorn: bytes > 0 }
    this.#parts.set(path, part)
    const [oldest] = this.#parts.keys()
    if (this.#parts.size > 2 && oldest !== undefined) this.#parts.delete(oldest)
    return part
  }
}

/** Where a line begins that is not indented: the block that belongs to a record is. */
const recordStart = /(?<=\n)(?=[^ ])/

interface Part {
  index: number
  /** Size after the last write that worked. */
  bytes: number
  /** The last write may have ended in the middle of a line. */
  isTorn: boolean
}

function partPath(path: string, index: number): string {
  return index === 0 ? path : `${path}.${index}`
}
