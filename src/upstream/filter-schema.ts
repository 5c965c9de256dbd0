import * as v from 'valibot'
import { headerName } from './header-schema.ts'

const FilterSchema = v.strictObject({
  match: v.optional(
    v.pipe(
      v.strictObject({
        methods: v.optional(
          v.pipe(
            v.array(v.pipe(v.string(), v.regex(/^[A-Za-z]{1,32}$/, 'expected a method such as POST'))),
            v.description('Methods of the requests; absent: any.'),
          ),
        ),
        path: v.optional(
          v.pipe(
            v.string(),
            v.maxLength(2048),
            v.description('Path of the requests, `*` for any characters; absent: any.'),
          ),
        ),
        headers: v.optional(
          v.pipe(
            v.union(
              [v.array(headerName), v.record(headerName, v.string())],
              'expected a list of header names, or names with values',
            ),
            v.description('Headers that the requests must have, with values (`*` for any characters) or without.'),
          ),
        ),
        backends: v.optional(
          v.pipe(
            v.array(v.pipe(v.string(), v.minLength(1))),
            v.minLength(1),
            v.maxLength(1000),
            v.description('Names of `backends`: of requests that none but these may answer; absent: any.'),
          ),
        ),
      }),
      v.description('Which requests; absent: all.'),
    ),
    {},
  ),
  remove: v.pipe(
    v.strictObject({
      body: v.optional(
        v.pipe(
          v.array(
            v.pipe(
              v.string(),
              v.maxLength(1000),
              v.regex(/^[^.]+(?:\.[^.]+)*$/, 'expected a path such as "tools.*.custom.defer_loading"'),
            ),
          ),
          v.maxLength(200),
          v.description('Members of the JSON body: keys, indices and `*` (any of them), with dots between.'),
        ),
        [],
      ),
      headers: v.optional(
        v.pipe(v.array(headerName), v.maxLength(200), v.description('Headers, in any case of letters.')),
        [],
      ),
      query: v.optional(
        v.pipe(
          v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
          v.maxLength(200),
          v.description('Parameters of the query.'),
        ),
        [],
      ),
    }),
    v.description('What is taken out of them before they are sent on.'),
  ),
})

/** The `filters` section: what backends must not see of requests. */
export const FiltersSchema = v.pipe(
  v.array(FilterSchema),
  v.maxLength(1000),
  v.description('What is taken out of requests before they are sent on; every filter that matches counts.'),
)
