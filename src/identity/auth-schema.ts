import * as v from 'valibot'
import { permissions } from '#core/permission.ts'
import { AddressList } from '#kit/address-list.ts'
import { durationSchema } from '#kit/quantity-schema.ts'
import { readMoment } from './moment.ts'

/** How a caller can show who it is. `oauth2` is for people who log in, which nothing here serves yet. */
export const providerTypes = ['api_key', 'jwt', 'oauth2'] as const

/** Algorithms that a token may be signed with; those of `HS…` are of a secret, the others of a public key. */
export const tokenAlgorithms = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

export type TokenAlgorithm = (typeof tokenAlgorithms)[number]

function text(about: string, max = 4096) {
  return v.pipe(v.string(), v.minLength(1), v.maxLength(max), v.description(about))
}

/** One text, or several of which one will do. */
function oneOrMore(about: string) {
  const word = v.pipe(v.string(), v.minLength(1), v.maxLength(1000))
  return v.pipe(
    v.union([word, v.pipe(v.array(word), v.minLength(1), v.maxLength(100))], 'expected text, or a list of texts'),
    v.description(about),
  )
}

function name(about: string) {
  return v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(200),
    // oxlint-disable-next-line no-control-regex -- names stand in log lines
    v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected a name without control characters'),
    v.description(about),
  )
}

function perMinute(about: string) {
  return v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000_000), v.description(about))
}

function moment(about: string) {
  return v.pipe(
    v.string(),
    v.check(
      (written) => readMoment(written) !== undefined,
      'expected a day such as "2027-01-31", or a moment such as "2027-01-31T18:00:00+02:00"',
    ),
    v.description(about),
  )
}

/** What whoever shows a key or a token may do, and how much of it. */
const accessEntries = {
  permissions: v.optional(
    v.pipe(
      v.array(v.picklist([...permissions, '*'])),
      v.maxLength(100),
      v.description(
        `Kinds of requests that are allowed: ${permissions.join(', ')}; \`*\` for all. Absent: all. Of a \`jwt\`: what each of its tokens may be used for at most.`,
      ),
    ),
  ),
  models: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(512))),
      v.maxLength(10_000),
      v.description(
        'Aliases that may be asked, `*` for any characters, those of services as `service/model`. Absent: every one.',
      ),
    ),
  ),
  allowed_ips: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.check(isAddressRange, 'expected an IP address, a range such as "10.0.0.0/8", or "unix"')),
      ),
      v.maxLength(10_000),
      v.description('Addresses and ranges that clients may come from. Absent: from everywhere.'),
    ),
  ),
  requests_per_minute: v.optional(perMinute('Requests within a minute. Absent: no limit of its own.')),
  tokens_per_minute: v.optional(
    perMinute('Tokens within a minute, of prompts and answers. Absent: no limit of its own.'),
  ),
  max_parallel: v.optional(perMinute('Requests at a time. Absent: no limit of its own.')),
}

/** `auth.providers[].keys[]`: a key that we gave to a client. */
const ClientKeySchema = v.strictObject({
  key: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1, 'expected a key, not an empty text'),
      v.maxLength(4096),
      v.regex(/^[\u0021-\u007e]*$/, 'expected plain ASCII without blanks'),
      v.description('The key itself, such as `${ALICE_KEY}`.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  key_sha256: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?:sha256:)?[0-9A-Fa-f]{64}$/, 'expected 64 hexadecimal digits'),
      v.description('In place of `key`, its SHA-256 digest, so that no key stands in the file.'),
    ),
  ),
  name: v.optional(name('How problems and the account of a reload call the key. Default: `key-1`, `key-2` and so on.')),
  user_id: v.optional(
    name(
      'Who uses it, for logs, usage and limits; several keys of one user share these. Default: the name of the key.',
    ),
  ),
  enabled: v.optional(v.pipe(v.boolean(), v.description('`false`: the key is refused.')), true),
  not_before: v.optional(moment('The key is refused before this moment; a day begins at 00:00 UTC.')),
  expires_at: v.optional(moment('The key is refused from this moment on; a day begins at 00:00 UTC.')),
  ...accessEntries,
})

/** As `telemetry/mask.ts` knows them. */
const hiddenHeader = /^(?:authorization|(?:[\w-]*-)?(?:api-?key|secret|password|auth|token))$/i

/** `auth.providers[]`: one way for clients to show who they are. */
const ProviderSchema = v.strictObject({
  type: v.pipe(
    v.picklist(providerTypes),
    v.description('`api_key`: keys of a list. `jwt`: tokens that somebody signed. `oauth2`: logins, not served yet.'),
  ),
  header: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(200),
      v.check(
        (header) => hiddenHeader.test(header),
        'expected the name of a header that ends in "api-key", "token", "auth", "secret" or "password", since logs hide the values of these',
      ),
      v.description(
        '`api_key`: one more header that may carry a key, beside "Authorization: Bearer …", "x-api-key", "x-goog-api-key" and "api-key".',
      ),
    ),
  ),
  keys: v.optional(
    v.pipe(v.array(ClientKeySchema), v.maxLength(10_000), v.description('`api_key`: the keys that are accepted.')),
    [],
  ),
  secret: v.optional(
    v.pipe(
      v.string(),
      v.minLength(16, 'expected at least 16 characters'),
      v.maxLength(16_384),
      v.description('`jwt`: the secret that tokens are signed with (HS256); better 32 bytes or more.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  public_key: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(16_384),
      v.description('`jwt`: the public key of who signs tokens, as PEM ("-----BEGIN PUBLIC KEY-----").'),
    ),
  ),
  jwks_url: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4096),
      v.check(isHttpAddress, 'expected an address such as "https://id.example.com/.well-known/jwks.json"'),
      v.description('`jwt`: where the public keys of who signs tokens are to be had (JWKS).'),
    ),
  ),
  jwks_refresh: v.optional(
    durationSchema('`jwt`: how old keys of `jwks_url` get before they are asked for anew.', {
      min: 10_000,
      max: 86_400_000,
    }),
    '10m',
  ),
  jwks_max_stale: v.optional(
    durationSchema('`jwt`: how long keys of `jwks_url` are used while it cannot be reached; then tokens are refused.', {
      min: 10_000,
      max: 30 * 86_400_000,
    }),
    '24h',
  ),
  algorithms: v.optional(
    v.pipe(
      v.array(v.picklist(tokenAlgorithms)),
      v.minLength(1),
      v.maxLength(20),
      v.description(
        '`jwt`: algorithms that are accepted, whatever a token says. Default: HS256 with a `secret`, that of a `public_key`, RS256, ES256 and EdDSA with a `jwks_url`.',
      ),
    ),
  ),
  issuer: v.optional(oneOrMore('`jwt`, `oauth2`: who signed the token, its claim `iss`.')),
  audience: v.optional(oneOrMore('`jwt`: whom the token is for, its claim `aud`. Absent: for anybody.')),
  expiration: v.optional(
    durationSchema('`jwt`: the longest life of a token that is accepted; one without an end is refused.', {
      min: 1000,
      max: 10 * 365 * 86_400_000,
    }),
    '24h',
  ),
  clock_tolerance: v.optional(
    durationSchema('`jwt`: how far the clocks of who signs and of this machine may be apart.', { max: 600_000 }),
    '30s',
  ),
  user_claim: v.optional(
    text('`jwt`: the claim that tells who it is; a path such as `user.id` leads into claims.', 200),
    'sub',
  ),
  user_prefix: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(100),
      // oxlint-disable-next-line no-control-regex -- names stand in log lines
      v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected text without control characters'),
      v.description('`jwt`: put in front of who it is, so that users of two issuers are not taken for one another.'),
    ),
    '',
  ),
  permissions_claim: v.optional(
    text(
      '`jwt`: the claim that lists permissions, such as `permissions` or `scope`. Absent: `permissions` alone counts.',
      200,
    ),
  ),
  models_claim: v.optional(
    text('`jwt`: the claim that lists aliases that may be asked. Absent: `models` alone counts.', 200),
  ),
  provider: v.optional(
    v.pipe(v.picklist(['github', 'google', 'oidc']), v.description('`oauth2`: who knows the people. Not served yet.')),
  ),
  client_id: v.optional(text('`oauth2`: id of the client. Not served yet.')),
  client_secret: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(16_384),
      v.description('`oauth2`: secret of the client. Not served yet.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  scopes: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(1000))),
      v.maxLength(100),
      v.description('`oauth2`: what is asked for of a person. Not served yet.'),
    ),
  ),
  ...accessEntries,
})

/** The `auth` section: the clients by name, and what each of them may do. */
export const AuthSchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('`false`: `providers` are not looked at.')), true),
  providers: v.optional(
    v.pipe(
      v.array(ProviderSchema),
      v.maxLength(20),
      v.description('Ways for clients to show who they are; one of them is enough.'),
    ),
    [],
  ),
  hide_forbidden_models: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'A model that a caller may not ask does not exist for it: 404 in place of 403. Model lists are then shown to those with a key only.',
      ),
    ),
    false,
  ),
  mfa: v.optional(
    v.pipe(
      v.strictObject({
        enabled: v.optional(v.pipe(v.boolean(), v.description('A second factor at logins. Not served yet.')), false),
        provider: v.optional(
          v.pipe(v.picklist(['totp', 'sms']), v.description('Kind of the second factor. Not served yet.')),
          'totp',
        ),
      }),
      v.description('A second factor at logins of people. Not served yet.'),
    ),
    {},
  ),
})

export type AuthSettings = v.InferOutput<typeof AuthSchema>
export type ProviderSettings = AuthSettings['providers'][number]
export type ClientKeySettings = ProviderSettings['keys'][number]
export type AccessSettings = Pick<ClientKeySettings, keyof typeof accessEntries>

function isAddressRange(written: string): boolean {
  try {
    void new AddressList([written])
    return true
  } catch {
    return false
  }
}

/** Whoever can change the keys on their way could sign any token, so that they come by TLS, or from this machine. */
function isHttpAddress(written: string): boolean {
  if (!URL.canParse(written)) return false
  const { protocol, username, password } = new URL(written)
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
}
