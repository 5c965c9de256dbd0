import * as v from 'valibot'

/** The name of a header, in any case. */
export const headerName = v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected a header name'))

/** Headers by name. */
export const headersByName = v.record(
  headerName,
  v.pipe(
    v.string(),
    v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'expected a header value of Latin-1 without line breaks'),
  ),
)
