import * as v from 'valibot'
import { AuthSchema } from './auth-schema.ts'

/** Top-level keys that say who may use the gateway. */
export const identityEntries = {
  proxy_api_key: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4096),
      v.description(
        'The key that clients send, as "Authorization: Bearer …", "x-api-key", "x-goog-api-key" or "api-key". ' +
          'Absent or empty: no client key is asked for, and the gateway listens on loopback only.',
      ),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  allow_unauthenticated: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Listen on every interface although no client key is asked for. Whoever reaches the port then spends your money.',
      ),
    ),
    false,
  ),
  models_require_auth: v.optional(
    v.pipe(v.boolean(), v.description('Ask for the client key on the model lists too, which are open otherwise.')),
    false,
  ),
  auth: v.optional(
    v.pipe(AuthSchema, v.description('Clients that are known by name: their keys and tokens, and what each may do.')),
    {},
  ),
}
