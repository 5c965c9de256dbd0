import type { Files } from '#ports/files.ts'

/** `./logs/proxy.log` and `2026-01-13` → `./logs/proxy_2026-01-13.log`; a path that says `{date}` gets the day there. */
export function datedPath(path: string, day: string): string {
  if (path.includes('{date}')) return plainPath(path, day)
  const [, stem = '', extension = ''] = /^(.*?[^/\\])(\.[^./\\]*)?$/s.exec(path) ?? []
  return plainPath(`${stem}_${day}${extension}`, day)
}

/** Files that {@link datedPath} and their parts have made of a path, the oldest first. */
export async function datedFiles(
  files: Pick<Files, 'list'>,
  path: string,
): Promise<readonly { readonly path: string; readonly day: string }[]> {
  const pattern = datedPath(path, dayMark)
  const steps = pattern.split(/(?<=[/\\])/)
  // Where the day is part of a folder's name, each day has its folder.
  const dated = steps.findIndex((step) => step.includes(dayMark))
  const folder = steps.slice(0, dated).join('')
  const inside = steps.slice(dated + 1)
  const found: { path: string; day: string; part: number }[] = []
  for (const name of await files.list(folder === '' ? '.' : folder.replace(/(?<=.)[/\\]$/, ''))) {
    const day = dayIn(name, (steps[dated] ?? '').replace(/[/\\]$/, ''), inside.length === 0)
    if (day === undefined) continue
    if (inside.length === 0) found.push({ path: `${folder}${name}`, ...day })
    else {
      const own = inside.join('').replaceAll(dayMark, day.day)
      const below = /^(.*[/\\])?([^/\\]*)$/.exec(own)
      const directory = `${folder}${name}/${below?.[1] ?? ''}`
      for (const file of await files.list(directory.replace(/[/\\]$/, ''))) {
        const part = partOf(file, below?.[2] ?? '')
        if (part !== undefined) found.push({ path: `${directory}${file}`, day: day.day, part })
      }
    }
  }
  return found.toSorted((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.part - b.part))
}

/** Stands for the day in a path, and is no text of any. */
const dayMark = '\u0000day\u0000'

function dayIn(name: string, pattern: string, hasParts: boolean): { day: string; part: number } | undefined {
  const [before = '', ...behind] = pattern.split(dayMark)
  const day = name.slice(before.length, before.length + 'YYYY-MM-DD'.length)
  if (!name.startsWith(before) || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined
  const whole = [before, ...behind].join(day)
  const part = hasParts ? partOf(name, whole) : name === whole ? 0 : undefined
  return part === undefined ? undefined : { day, part }
}

/** 0 for the file itself, then 1, 2, …; undefined for files of others. */
function partOf(name: string, whole: string): number | undefined {
  if (name === whole) return 0
  const [, part] = name.startsWith(whole) ? (/^\.(\d{1,6})$/.exec(name.slice(whole.length)) ?? []) : []
  return part === undefined ? undefined : Number(part)
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
