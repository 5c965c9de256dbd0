import type { Plan } from './plan.ts'

/** What is taken out of requests that match. */
export interface RequestFilter {
  matches(method: string, path: string, headers: Headers): boolean
  /** Undefined: whoever answers it. */
  readonly isFor?: ((plan: Plan) => boolean) | undefined
  /** Members of a JSON body: keys, indices, and `*` for every key or index. */
  readonly bodyPaths: readonly (readonly string[])[]
  /** In lower case. */
  readonly headers: readonly string[]
  /** Names of query parameters, decoded. */
  readonly queryNames: readonly string[]
}
