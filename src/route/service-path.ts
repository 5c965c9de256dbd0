import { percentDecoded } from '#kit/percent.ts'
/** Services by path. */
export interface ServiceTable<Found = unknown> {
  /** In the order of the file: service → model → key into `plans`. */
  readonly byName: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** By `service/model`. */
  readonly plans: ReadonlyMap<string, Found>
}

/** Where the path of a request leads. */
export interface ServicePath {
  /** `service/model` as they are configured. */
  readonly key: string
  /** What stands behind them, byte by byte: empty, or starting with `/`. */
  readonly rest: string
}

/**
 * Path → service, model and rest. Names are compared percent-decoded; of several models the one with the most segments
 * counts, and a `%2F` is as good as a `/` in a name. Undefined: no service of this name has such a model.
 */
export function findService({ byName }: Pick<ServiceTable, 'byName'>, path: string): ServicePath | undefined {
  const start = endOfSegment(path, 1)
  const models = byName.get(percentDecoded(path.slice(1, start)))
  if (models === undefined) return undefined
  let found: ServicePath | undefined
  let end = start
  for (let count = 0; count < segmentsMax && end < path.length; count += 1) {
    end = endOfSegment(path, end + 1)
    const key = models.get(percentDecoded(path.slice(start + 1, end)))
    if (key !== undefined) found = { key, rest: path.slice(end) }
  }
  return found
}

/** The service that the path begins with; undefined when there is none of that name. */
export function serviceOf({ byName }: Pick<ServiceTable, 'byName'>, path: string): string | undefined {
  const name = percentDecoded(path.slice(1, endOfSegment(path, 1)))
  return byName.has(name) ? name : undefined
}

/** Limit: segments of the name of one model. */
export const segmentsMax = 16

function endOfSegment(path: string, start: number): number {
  const slash = path.indexOf('/', start)
  return slash === -1 ? path.length : slash
}
