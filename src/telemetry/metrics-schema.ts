import * as v from 'valibot'
import { isListenAddress } from '#kit/listen-address.ts'

/** The `metrics` section: figures for Prometheus and others that ask from time to time. */
export const MetricsSchema = v.strictObject({
  enabled: v.optional(
    v.pipe(v.boolean(), v.description('Count requests, and show the figures to programs such as Prometheus.')),
    true,
  ),
  path: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?:\/[A-Za-z0-9._~-]+)+$/, 'expected a path such as "/metrics", without a slash at its end'),
      v.maxLength(200),
      v.description('Where they are shown.'),
    ),
    '/metrics',
  ),
  seed_names: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Show the names of older proxies as well, beside those that begin with `llm_proxy_`: `proxy_requests_total`, `retries_by_error_total` and others.',
      ),
    ),
    false,
  ),
  require_key: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Show them only to who has a key of a client or the one of the admin pages. They name aliases and backends, and never keys.',
      ),
    ),
    false,
  ),
  listen: v.optional(
    v.pipe(
      v.string(),
      v.check(isListenAddress, 'expected an address such as "127.0.0.1:9464" or "unix:/path"'),
      v.description(
        'An address of their own, such as "127.0.0.1:9464"; `listen` then does not show them. A change needs a restart.',
      ),
      v.metadata({ 'x-boot-only': true }),
    ),
  ),
})
