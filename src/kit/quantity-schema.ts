import * as v from 'valibot'
import { formatDuration, formatSize, parseDuration, parseSize } from './quantity.ts'

/** Smallest and largest value that is accepted, in the unit that is read into. */
export interface Bounds {
  readonly min?: number
  readonly max: number
}

/** A length of time, written as `30s`, `1h30m` or a number of seconds; read into milliseconds. */
export function durationSchema(about: string, { min = 0, max }: Bounds) {
  const range = { from: formatDuration(min), to: formatDuration(max) }
  return quantitySchema(about, {
    kind: 'duration',
    pattern: String.raw`^\s*([0-9]+(\.[0-9]+)?([mM][sS]|[sSmMhHdD])?)+\s*$`,
    expected: `expected a duration such as "30s", "1h30m" or a number of seconds, from "${range.from}" to "${range.to}"`,
    range,
    parse: (written) => within(parseDuration(written), min, max),
  })
}

/** A number of bytes, written as `10mb`, `64kb` or a bare number; read into bytes. */
export function sizeSchema(about: string, { min = 0, max }: Bounds) {
  const range = { from: formatSize(min), to: formatSize(max) }
  return quantitySchema(about, {
    kind: 'size',
    pattern: String.raw`^\s*[0-9]+(\.[0-9]+)? ?([kKmMgG]?[iI]?[bB])?\s*$`,
    expected: `expected a size such as "10mb", "64kb" or a number of bytes, from "${range.from}" to "${range.to}"`,
    range,
    parse: (written) => within(parseSize(written), min, max),
  })
}

interface Quantity {
  readonly kind: 'duration' | 'size'
  /** For JSON Schema, which cannot run `parse`. */
  readonly pattern: string
  readonly expected: string
  readonly range: { readonly from: string; readonly to: string }
  readonly parse: (written: string | number) => number | undefined
}

function quantitySchema(about: string, { kind, pattern, expected, range, parse }: Quantity) {
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.description(about),
    v.metadata({ pattern, minimum: 0, 'x-kind': kind, 'x-from': range.from, 'x-to': range.to }),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      const count = parse(dataset.value)
      if (count !== undefined) return count
      addIssue({ message: expected })
      return NEVER
    }),
  )
}

function within(count: number | undefined, min: number, max: number): number | undefined {
  return count !== undefined && count >= min && count <= max ? count : undefined
}
