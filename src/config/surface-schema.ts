import * as v from 'valibot'

const origin = v.pipe(
  v.string(),
  v.maxLength(512),
  v.regex(
    /^(?:\*|null|[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:\*\.)?[^\s/*?#]+)$/,
    'expected an origin such as "https://chat.example.com", or "*"',
  ),
)

/** The `cors` section: which web pages may read answers. */
export const CorsSchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('false: web pages of other origins may read nothing.')), true),
  allowed_origins: v.optional(
    v.pipe(
      v.array(origin),
      v.maxLength(1000),
      v.description(
        'Origins of web pages that may ask: `https://chat.example.com`, `https://*.example.com`, or `*` for all. ' +
          'Default: all; while no client key is set, those of programs of this machine alone.',
      ),
    ),
  ),
  allow_credentials: v.optional(
    v.pipe(v.boolean(), v.description('Let pages send cookies and the like; not together with the origin `*`.')),
    false,
  ),
  allow_methods: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^(?:\*|[A-Za-z]{1,32})$/, 'expected a method such as POST'))),
      v.description('Methods that pages may use; `*`: whatever they ask for.'),
    ),
    ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
  ),
  allow_headers: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected a header name'))),
      v.description('Headers that pages may send; default, and `*`: whatever they ask for.'),
    ),
  ),
  expose_headers: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected a header name'))),
      v.description('Headers of answers that pages may read, beside those that tell of limits, ids and retries.'),
    ),
    [],
  ),
  max_age: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(86_400),
      v.description('Seconds for which a browser need not ask again.'),
    ),
    600,
  ),
})

/** The `forward_proxy` section. */
export const ForwardProxySchema = v.strictObject({
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Serve requests of `curl -x`, if their address is one of a backend of `passthrough`; others are refused.',
      ),
    ),
    false,
  ),
  own_hosts: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.maxLength(300),
          v.regex(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+)(?::\d{1,5})?$/, 'expected a host such as "llm.example.com"'),
        ),
      ),
      v.maxLength(1000),
      v.description(
        'Names under which clients reach the gateway itself, where the port is not its own, as behind a proxy: ' +
          'requests for them are no requests to be forwarded. With a port, or for any. A gateway of this machine that asks ' +
          'for no key can be asked by these, and by no other name of the net.',
      ),
    ),
    [],
  ),
})

/** As it comes on the wire: whatever a client would write otherwise, or resolve, is never asked for. */
const probePath = v.pipe(
  v.string(),
  v.maxLength(512),
  v.regex(
    /^(?!.*\/\.{1,2}(?:\/|$))\/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/,
    'expected a path such as "/health", of plain characters and without dot segments',
  ),
)

/** The `health` section: where probes look, and what they see. */
export const HealthPagesSchema = v.strictObject({
  endpoints: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          path: v.pipe(probePath, v.description('Where it stands.')),
          type: v.pipe(
            v.picklist(['liveness', 'readiness', 'verbose']),
            v.description(
              'liveness: the process answers. readiness: it can do its work. verbose: what it knows about itself.',
            ),
          ),
        }),
      ),
      v.maxLength(100),
      v.description('Pages for probes; one that is named here takes the place of the built-in ones of its type.'),
    ),
    [],
  ),
  verbose: v.optional(
    v.pipe(
      v.strictObject({
        show_upstream_status: v.optional(v.pipe(v.boolean(), v.description('Show how backends are.')), true),
        show_cache_status: v.optional(v.pipe(v.boolean(), v.description('Show what is kept in memory.')), true),
        show_rate_limit_status: v.optional(v.pipe(v.boolean(), v.description('Show what is limited.')), true),
      }),
      v.description('What a verbose page shows.'),
    ),
    {},
  ),
})
