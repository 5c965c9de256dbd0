import type { Files } from '#ports/files.ts'

/** A file system in memory that can be told to fail. */
export class MemoryFiles implements Files {
  readonly texts = new Map<string, string>()
  /** Every append that was asked for, in order. */
  readonly appends: { readonly path: string; readonly text: string }[] = []
  /** Code of the error that appends to a path meet; undefined = they work. */
  failing: (path: string) => string | undefined = () => undefined
  /** How many characters get into the file before a failing append fails. */
  shortWrite = 0

  async read(path: string): Promise<string> {
    return await Promise.resolve(this.texts.get(path) ?? missing(path))
  }

  async append(path: string, text: string): Promise<number> {
    await Promise.resolve()
    this.appends.push({ path, text })
    const code = this.failing(path)
    const written = (this.texts.get(path) ?? '') + (code === undefined ? text : text.slice(0, this.shortWrite))
    if (code === undefined || this.shortWrite > 0) this.texts.set(path, written)
    if (code !== undefined) throw Object.assign(new Error(`${code}: cannot append, write '${path}'`), { code })
    return Buffer.byteLength(written)
  }

  async endsLine(path: string): Promise<boolean> {
    const text = await Promise.resolve(this.texts.get(path) ?? '')
    return text === '' || text.endsWith('\n')
  }

  async size(path: string): Promise<number | undefined> {
    const text = await Promise.resolve(this.texts.get(path))
    return text === undefined ? undefined : Buffer.byteLength(text)
  }

  async remove(path: string): Promise<void> {
    await Promise.resolve(this.texts.delete(path))
  }

  async list(path: string): Promise<readonly string[]> {
    const inside = [...this.texts.keys()].filter((name) => name.startsWith(`${path}/`))
    return await Promise.resolve([...new Set(inside.map((name) => name.slice(path.length + 1).split('/')[0] ?? ''))])
  }

  async removeTree(path: string): Promise<void> {
    for (const name of this.texts.keys()) if (name.startsWith(`${path}/`)) this.texts.delete(name)
    await Promise.resolve()
  }
}

function missing(path: string): never {
  throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
}
