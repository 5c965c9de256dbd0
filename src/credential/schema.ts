import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'

/** Every kind of credential. */
export const credentialTypes = ['api_key', 'file', 'env', 'jwt', 'oauth2', 'google', 'aws', 'azure_ad'] as const

export type CredentialType = (typeof credentialTypes)[number]

function text(about: string, max = 4096) {
  return v.pipe(v.string(), v.minLength(1), v.maxLength(max), v.description(about))
}

function secret(about: string) {
  return v.pipe(
    v.string(),
    v.maxLength(16_384),
    v.regex(/^[\u0020-\u007e]*$/, 'expected plain ASCII without line breaks'),
    v.description(about),
    v.metadata({ 'x-secret': true }),
  )
}

const claimName = v.pipe(
  v.string(),
  v.regex(/^(?!__proto__$)[A-Za-z][\w.:/-]{0,99}$/, 'expected the name of a claim such as "clientId"'),
)

/** `backends[].credentials[]`: one of several ways to prove to a backend who asks. */
export const CredentialSchema = v.strictObject({
  name: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(200),
      // oxlint-disable-next-line no-control-regex -- names stand in log lines
      v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected a name without control characters'),
      v.description('Name for logs. Default: `key-1`, `key-2`, … in the order of the list.'),
    ),
  ),
  type: v.optional(
    v.pipe(
      v.picklist(credentialTypes),
      v.description(
        'Kind of credential. Absent, `api_key`, `file`, `env`, `secrets_file` or `service_account` tells it.',
      ),
    ),
  ),
  weight: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100),
      v.description('Turns in one round through the list. 0: only when the others rest.'),
    ),
    1,
  ),
  api_key: v.optional(secret('`api_key`: the key that the provider gave you.')),
  file: v.optional(text('`file`: file that holds the key; it is looked at again every 5 seconds.')),
  env: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z_]\w*$/, 'expected the name of an environment variable'),
      v.maxLength(200),
      v.description('`env`: environment variable that holds the key.'),
    ),
  ),
  secrets_file: v.optional(
    text('`jwt`: JSON file with a list of client ids, secrets and tenants; each entry is a credential of its own.'),
  ),
  client_id: v.optional(text('`jwt`, `oauth2`, `azure_ad`: id of the client.')),
  client_secret: v.optional(secret('`jwt`, `oauth2`, `azure_ad`: secret of the client; a `jwt` is signed with it.')),
  tenant: v.optional(text('`jwt`: tenant of the client. `azure_ad`: id or domain of the tenant.')),
  claims: v.optional(
    v.pipe(
      v.array(claimName),
      v.minLength(1),
      v.maxLength(50),
      v.description('`jwt`: fields that make up the token, in this order.'),
    ),
    ['clientId', 'clientSecret', 'tenant'],
  ),
  extra_claims: v.optional(
    v.pipe(
      v.record(claimName, v.union([v.string(), v.number(), v.boolean()])),
      v.description('`jwt`: further claims with fixed values.'),
    ),
    {},
  ),
  issuer: v.optional(text('`jwt`: the claim `iss`.')),
  audience: v.optional(text('`jwt`: the claim `aud`. `oauth2`: the parameter `audience`.')),
  ttl: v.optional(
    v.pipe(
      durationSchema('`jwt`: from `iat` to `exp`. 0: the token has neither.', { max: 86_400_000 }),
      v.check((ms) => ms === 0 || ms >= 1000, 'expected 0, or at least 1s'),
    ),
    0,
  ),
  cache_ttl: v.optional(
    durationSchema('`jwt`: how long a token is used before another one is made.', { min: 1000, max: 86_400_000 }),
    '1h',
  ),
  refresh_margin: v.optional(
    durationSchema('How long before its end a token is replaced, at most half of its life.', { max: 3_600_000 }),
    '5m',
  ),
  token_url: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.check(
        isTokenUrl,
        'expected an address such as "https://auth.example.com/oauth/token", without user and fragment',
      ),
      v.description('`oauth2`: where tokens are to be had.'),
    ),
  ),
  scope: v.optional(
    text('`oauth2`, `google`, `azure_ad`: what the token is to be good for. The last two know what models need.'),
  ),
  auth_style: v.optional(
    v.pipe(
      v.picklist(['basic', 'body']),
      v.description('`oauth2`: id and secret as `Authorization: Basic`, or among the parameters.'),
    ),
    'basic',
  ),
  authority: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.check(isTokenUrl, 'expected an address such as "https://login.microsoftonline.com"'),
      v.description('`azure_ad`: where tokens are to be had, for clouds of their own.'),
    ),
    'https://login.microsoftonline.com',
  ),
  service_account: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(65_536),
      v.description(
        '`google`: file with the key of a service account (JSON), or with a user as `gcloud` leaves it, or its content by `${file:…}`.',
      ),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  access_key_id: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\w{16,128}$/, 'expected an access key id'),
      v.description('`aws`: id of the access key.'),
    ),
  ),
  secret_access_key: v.optional(secret('`aws`: the access key.')),
  session_token: v.optional(secret('`aws`: token of a session, with keys that are good for a while.')),
  region: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z0-9-]{1,64}$/, 'expected a region such as "us-east-1"'),
      v.description('`aws`: region of the service. Default: as the address of the backend says.'),
    ),
  ),
  service: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?!s3$)[a-z0-9-]{1,64}$/, 'expected a service such as "bedrock"; "s3" is not supported'),
      v.description('`aws`: name of the service in signatures.'),
    ),
    'bedrock',
  ),
})

/** `backends[].credentials`: several, used in turn. */
export const CredentialsSchema = v.pipe(
  v.array(CredentialSchema),
  v.maxLength(1000),
  v.description('Several credentials in place of `api_key`: used in turn, and each rests when the backend refuses it.'),
)

export type CredentialSettings = v.InferOutput<typeof CredentialSchema>

function isTokenUrl(written: string): boolean {
  if (/[\s\\#]/.test(written) || !URL.canParse(written)) return false
  const { protocol, hostname, username, password } = new URL(written)
  return ['http:', 'https:'].includes(protocol) && hostname !== '' && username === '' && password === ''
}
