import { expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dir, '../wire/cases')

/** Compares what was told in each case with the golden file of that name; with `UPDATE=1` writes it. */
export function golden(name: string, told: readonly (readonly [name: string, text: string])[]): void {
  const path = join(folder, `${name}.golden`)
  const text = told.map(([title, lines]) => `=== ${title}\n${lines}\n`).join('\n')
  if (process.env['UPDATE'] === '1') writeFileSync(path, text)
  const sections = sectionsOf(readFileSync(path, 'utf8'))
  for (const [title, lines] of told) expect(`${title}\n${lines}`).toBe(`${title}\n${sections.get(title) ?? ''}`)
  expect([...sections.keys()]).toEqual(told.map(([title]) => title))
}

function sectionsOf(text: string): ReadonlyMap<string, string> {
  const sections = text.split(/^=== /m).slice(1)
  return new Map(
    sections.map((section) => {
      const end = section.indexOf('\n')
      return [section.slice(0, end), section.slice(end + 1).replace(/\n\n?$/, '')]
    }),
  )
}
