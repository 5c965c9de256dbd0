import * as v from 'valibot'
import { isListenAddress } from '#kit/listen-address.ts'

/** The `admin` section: who may look behind the scenes, and where. */
export const AdminSchema = v.strictObject({
  key: v.optional(
    v.pipe(
      v.string(),
      v.minLength(16, 'expected a key of at least 16 characters'),
      v.maxLength(4096),
      v.description(
        'Key that opens the admin pages. Absent: `proxy_api_key` opens them, for programs of this machine only; ' +
          'with neither there are no admin pages.',
      ),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  path: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(\/[A-Za-z0-9._~-]+)+$/, 'expected a path such as "/admin", without a slash at its end'),
      v.maxLength(200),
      v.description('Path below which the admin pages stand. A change needs a restart.'),
      v.metadata({ 'x-boot-only': true }),
    ),
    '/admin',
  ),
  listen: v.optional(
    v.pipe(
      v.string(),
      v.check(isListenAddress, 'expected an address such as "127.0.0.1:8081" or "unix:/path"'),
      v.description(
        'An address of their own for the admin pages, such as "127.0.0.1:8081"; `listen` then serves none. A change needs a restart.',
      ),
      v.metadata({ 'x-boot-only': true }),
    ),
  ),
  page: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'The status page at `/`, for browsers. Without a key it shows how services are doing; the key of the admin pages opens the rest.',
      ),
    ),
    true,
  ),
  config_with_client_key: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        '`/api/config/reload` and `/api/config/status` open with `proxy_api_key` too, from anywhere, as clients of new-api-proxy expect.',
      ),
    ),
    false,
  ),
  keep_requests: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100_000),
      v.description(
        'How many of the last requests are remembered, without their texts, for `llm-proxy why` and `llm-proxy plan`.',
      ),
    ),
    1000,
  ),
})
