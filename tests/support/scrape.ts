import { rawRequest } from './raw-client.ts'

/** The figures of a gateway, by name and labels as they are written. */
export type Scraped = ReadonlyMap<string, number>

/** Asks for the page of figures, and reads it. */
export async function scrape(address: string, path = '/metrics'): Promise<Scraped> {
  const { status, text } = await rawRequest(address, { method: 'GET', path })
  if (status !== 200) throw new Error(`There is no page of figures: ${status} ${text}`)
  return readPage(text)
}

/** `name{labels} value` of each line. */
export function readPage(text: string): Scraped {
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    rows.map((row) => {
      const at = row.lastIndexOf(' ')
      return [row.slice(0, at), Number(row.slice(at + 1))]
    }),
  )
}

/** Every line of a metric that is not 0, as it is written. */
export function linesOf(page: Scraped, name: string): string[] {
  const own = [...page].filter(([key, value]) => value !== 0 && (key === name || key.startsWith(`${name}{`)))
  return own.map(([key, value]) => `${key} ${value}`)
}

/** The sum of all series of a metric. */
export function sumOf(page: Scraped, name: string): number {
  return [...page]
    .filter(([key]) => key === name || key.startsWith(`${name}{`))
    .reduce((sum, [, value]) => sum + value, 0)
}
