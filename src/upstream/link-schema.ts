import { isAbsolute } from 'node:path'
import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'
import type { TlsOptions } from '#ports/transport.ts'
import { isDirectHost } from './direct-hosts.ts'

const aDayMs = 86_400_000

/** Limit: ports of one address, and so connections to it. */
const connectionsLimit = 65_535

const proxyPhrase =
  'expected a proxy such as "http://user:password@proxy.example.com:3128" (http:// or https://, without a path)'

const versionPhrase = 'expected "1.2" or "1.3"'

/** `backends[].pool`: connections that wait to be used. */
export const PoolSchema = v.strictObject({
  max_idle: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(connectionsLimit),
      v.description('Idle connections that are kept for coming requests. 0: each request opens one of its own.'),
    ),
    512,
  ),
  idle_timeout: v.optional(
    durationSchema(
      'How long an idle connection is kept. Stay below what the backend and its load balancer keep (often 60s), ' +
        'so that it is never they who close first.',
      { min: 1, max: aDayMs },
    ),
    '50s',
  ),
  max_age: v.optional(
    durationSchema('Age at which a connection is not used again, so that new addresses are found. 0: no limit.', {
      max: aDayMs,
    }),
    0,
  ),
  prewarm: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(1000),
      v.description('Connections that are opened at the start and after a reload, before anyone asks.'),
    ),
    0,
  ),
  max_waiting: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(1_000_000),
      v.description('Requests that may wait while `max_connections` are busy; one more fails at once.'),
    ),
    1000,
  ),
})

/** `backends[].tls`: encryption of the connection. */
export const TlsSchema = v.strictObject({
  ca: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(65_536),
      v.regex(
        /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/,
        'expected certificates in PEM ("-----BEGIN CERTIFICATE-----…"), or "${file:/path/to/ca.pem}"',
      ),
      v.description('Certificate authorities to trust instead of the built-in ones, in PEM: text, or `${file:…}`.'),
    ),
  ),
  cert: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(65_536),
      v.regex(
        /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/,
        'expected a certificate in PEM ("-----BEGIN CERTIFICATE-----…"), or "${file:/path/to/cert.pem}"',
      ),
      v.description('Certificate to show to a backend that asks for one, in PEM, with its chain; needs `key`.'),
    ),
  ),
  key: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(65_536),
      v.regex(
        /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*-----END [A-Z ]*PRIVATE KEY-----/,
        'expected a private key in PEM ("-----BEGIN PRIVATE KEY-----…"), or "${file:/path/to/key.pem}"',
      ),
      v.description('Private key of `cert`, in PEM, without a passphrase.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  server_name: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(253),
      v.regex(/^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/, 'expected a host name'),
      v.description('Name to ask for (SNI) and to find in the certificate, instead of the host in `url`.'),
    ),
  ),
  min_version: v.optional(
    v.pipe(
      v.union([v.string(), v.number()], versionPhrase),
      v.description('Oldest version of TLS that is spoken: `"1.2"` or `"1.3"`.'),
      v.metadata({ examples: ['1.2', '1.3'] }),
      v.rawTransform<string | number, TlsOptions['minVersion']>(({ dataset, addIssue, NEVER }) => {
        const version = String(dataset.value)
        if (version === '1.2' || version === '1.3') return version
        addIssue({ message: versionPhrase })
        return NEVER
      }),
    ),
    '1.2',
  ),
  verify: v.optional(
    v.pipe(v.boolean(), v.description('false accepts any certificate of this backend. For test set-ups only.')),
    true,
  ),
})

/** Keys of a backend about how it is connected to. */
export const linkEntries = {
  transport: v.optional(
    v.pipe(
      v.picklist(['own', 'fetch']),
      v.description(
        "Client that talks to the backend: the gateway's own, or `fetch` of the platform, " +
          'which has no `max_connections` and little of `pool`.',
      ),
    ),
    'own',
  ),
  http2: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Speak HTTP/2, which only `fetch` can, and so through it. For https:// addresses.'),
    ),
    false,
  ),
  websocket: v.optional(
    v.pipe(v.boolean(), v.description('Let clients open WebSockets to it; not possible through `fetch`.')),
    true,
  ),
  max_connections: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(connectionsLimit),
      v.description(
        'Connections at once, and so requests at once; more requests wait up to `timeout.queue`. 0: no limit. ' +
          'The limit is this backend’s own, also where another one has the same address.',
      ),
    ),
    0,
  ),
  pool: v.optional(v.pipe(PoolSchema, v.description('Connections that are kept for coming requests.')), {}),
  tls: v.optional(v.pipe(TlsSchema, v.description('How the connection is encrypted.')), {}),
  unix_socket: v.optional(
    v.pipe(
      v.string(),
      v.check(isSocketPath, 'expected the absolute path of a socket, such as "/run/vllm.sock", of up to 107 bytes'),
      v.description('Socket to connect to instead of the host in `url`, which then only names the host and the path.'),
    ),
  ),
  outbound_proxy: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.check((text) => text === '' || text === 'none' || isProxyUrl(text), `${proxyPhrase}, or "none"`),
      v.description('Proxy for this backend instead of the one in the section `outbound_proxy`; `none`: no proxy.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
}

/** The `outbound_proxy` section: the way out. */
export const OutboundProxySchema = v.strictObject({
  url: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.check((text) => text === '' || isProxyUrl(text), proxyPhrase),
      v.description(
        'Proxy such as `http://user:password@proxy:3128`. Empty: none. Proxies of the environment are never used.',
      ),
      v.metadata({ 'x-secret': true }),
    ),
    '',
  ),
  no_proxy: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.maxLength(300),
          v.check(
            isDirectHost,
            'expected a host such as "api.example.com", ".example.com" for all below it, an IP address or a range such as ' +
              '"10.0.0.0/8", each with ":port" or without',
          ),
        ),
      ),
      v.maxLength(10_000),
      v.description(
        'Hosts that are connected to directly: `api.example.com` (just this one), `.example.com` or `*.example.com` (all below it), ' +
          'addresses and ranges, each with `:port` or without. This machine (`localhost`, 127.0.0.0/8, ::1) always is.',
      ),
    ),
    [],
  ),
})

function isProxyUrl(text: string): boolean {
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password } = new URL(text)
  if (!['http:', 'https:'].includes(protocol) || hostname === '' || pathname !== '/' || /[?#]/.test(text)) return false
  return isEncoded(username) && isEncoded(password)
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function isSocketPath(text: string): boolean {
  return isAbsolute(text) && !text.includes('\0') && Buffer.byteLength(text) <= socketPathBytesMax
}

/** Limit: systems hold the path of a socket in 108 bytes, its end marked by a zero. */
const socketPathBytesMax = 107
