import * as v from 'valibot'
import type { AuthMode } from '#core/candidate.ts'
import { protocolNames, type Protocol } from '#core/dialect.ts'
import { durationSchema, type Bounds } from '#kit/quantity-schema.ts'
import { stringKeys } from '#kit/string-keys.ts'
import { compatEntries } from './compat-schema.ts'
import { headersByName } from './header-schema.ts'
import { linkEntries } from './link-schema.ts'
import { streamEntries } from './streaming-schema.ts'

const anHour: Bounds = { max: 3_600_000 }
const aDay: Bounds = { max: 86_400_000 }

const clocks = {
  queue: durationSchema('Waiting for a connection while `max_connections` are busy. 0: no limit.', anHour),
  dns: durationSchema("Until the addresses of the backend's name are known. 0: no limit.", anHour),
  connect: durationSchema('Until the connection to the backend stands. 0: no limit.', anHour),
  tls: durationSchema(
    'Until the connection is encrypted and the backend has proved who it is. Default: as long as `connect`. 0: no limit.',
    anHour,
  ),
  write: durationSchema('Longest pause while the request is sent. 0: no limit.', anHour),
  first_byte: durationSchema(
    'From the end of the request to the head of the answer, and to the first content of a stream. 0: no limit.',
    aDay,
  ),
  idle: durationSchema('Longest pause between two pieces of an answer. 0: no limit.', aDay),
  total: durationSchema('One whole attempt, its answer included; a longer stream is cut. 0: no limit.', aDay),
}

const authModes: Readonly<Record<string, AuthMode>> = {
  dialect: 'dialect',
  authorization: 'authorization',
  'x-api-key': 'x-api-key',
  'api-key': 'api-key',
  'x-goog-api-key': 'x-goog-api-key',
  none: 'none',
}

export const urlPhrase =
  'expected an address such as "https://api.example.com/v1", without user, password, query and fragment'

/** In any letters. */
export function isAuthMode(text: string): boolean {
  return Object.hasOwn(authModes, text.toLowerCase())
}

const authModeNames = ['dialect', 'Authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'none']

/** Keys of `backends[]`: one way to reach a provider. See {@link withProtocol}. */
export const backendEntries = {
  name: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(200),
    // oxlint-disable-next-line no-control-regex -- names stand in log lines and headers
    v.regex(/^[^\u0000-\u001f\u007f]*$/, 'expected a name without control characters'),
    v.description('Name of the backend, for routes and logs; each name once.'),
  ),
  url: v.pipe(
    v.string(),
    v.maxLength(2048),
    v.check(isBackendUrl, urlPhrase),
    v.description(
      'Base address, with or without `/v1`: `https://…`, `http://…`, or `mock://…` for the built-in mock backend.',
    ),
  ),
  url_anthropic: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(2048),
      v.check(isBackendUrl, urlPhrase),
      v.description(
        'A second base address, at which the same models speak the API of Anthropic: its clients are sent there as they are.',
      ),
    ),
  ),
  api_key: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(16_384),
      v.regex(/^[\u0020-\u007e]*$/, 'expected a key of plain ASCII without line breaks'),
      v.description('Key that the provider gave you. Absent: `upstream_default_key`, else none is sent.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  protocol: v.optional(
    v.pipe(
      v.picklist(stringKeys(protocolNames)),
      v.description(
        'What the backend speaks; decides path and form of the key. `any` speaks whatever the client speaks. ' +
          'Default: `openai`, and `any` for mock:// addresses.',
      ),
      v.transform((name) => protocolNames[name]),
    ),
  ),
  converter: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the name of a converter, such as "acme"'),
      v.description('Converter from `converters` by which the backend is asked, in place of a `protocol`.'),
    ),
  ),
  enabled: v.optional(
    v.pipe(
      v.union([v.boolean(), v.literal('auto')], 'expected true, false or "auto"'),
      v.description(
        'false switches the backend off; `auto` switches it off while an environment variable that its `api_key` names is unset.',
      ),
      // Whether the variable is there is known, and written as false, before the schema sees the value.
      v.transform((enabled) => enabled !== false),
    ),
    true,
  ),
  weight: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(1_000_000),
      v.description('Multiplies the weight of each of its routes. 0: only when the others cannot answer.'),
    ),
    1,
  ),
  headers: v.optional(
    v.pipe(
      headersByName,
      v.description('Headers added to every request, replacing those of the client of the same name.'),
      v.metadata({ 'x-secret': true }),
    ),
    {},
  ),
  auth_mode: v.optional(
    v.pipe(
      v.string(),
      v.description(
        `Header that carries the key: ${authModeNames.map((name) => `\`${name}\``).join(', ')} (in any case). ` +
          '`dialect`: as the protocol wants it.',
      ),
      v.metadata({ examples: authModeNames }),
      v.rawTransform<string, AuthMode>(({ dataset, addIssue, NEVER }) => {
        const mode = authModes[dataset.value.toLowerCase()]
        if (mode !== undefined) return mode
        addIssue({ message: `expected one of ${authModeNames.map((name) => `"${name}"`).join(', ')}` })
        return NEVER
      }),
    ),
    'dialect',
  ),
  timeout: v.optional(
    v.pipe(
      v.strictObject({
        queue: v.optional(clocks.queue),
        dns: v.optional(clocks.dns),
        connect: v.optional(clocks.connect),
        tls: v.optional(clocks.tls),
        write: v.optional(clocks.write),
        first_byte: v.optional(clocks.first_byte),
        idle: v.optional(clocks.idle),
        total: v.optional(clocks.total),
      }),
      v.description('Time limits of this backend, where they differ from the `timeout` section.'),
    ),
    {},
  ),
  api_version: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9._-]+$/, 'expected a version such as "2024-10-21"'),
      v.maxLength(64),
      v.description('`api-version` of Azure OpenAI; used with `protocol: azure` only.'),
    ),
    '2024-10-21',
  ),
  ...compatEntries,
  ...linkEntries,
  ...streamEntries,
}

/** The backend with what it speaks, whether it says so or not. */
export function withProtocol<Backend extends Unspoken>(backend: Backend): Backend & { readonly protocol: Protocol } {
  const { converter, protocol, url } = backend
  return { ...backend, protocol: converter === undefined ? (protocol ?? defaultProtocol(url)) : 'converter' }
}

interface Unspoken {
  readonly url: string
  readonly protocol?: Protocol | undefined
  readonly converter?: string | undefined
}

/** One of the two says it. */
export function saysProtocolOnce({ protocol, converter }: Pick<Unspoken, 'protocol' | 'converter'>): boolean {
  return protocol === undefined || converter === undefined
}

/** Top-level keys about what is sent upstream. */
export const upstreamEntries = {
  converters: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(4096))),
      v.maxLength(100),
      v.description(
        'Files of TypeScript that teach the gateway to ask providers of their own kind, for `backends[].converter`. They ' +
          'run inside of it, with all that it may do. A relative path starts at the folder of the configuration; the files ' +
          'and what they import are watched like the configuration itself.',
      ),
    ),
    [],
  ),
  upstream_default_key: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(16_384),
      v.regex(/^[\u0020-\u007e]*$/, 'expected a key of plain ASCII without line breaks'),
      v.description('Key for backends without an `api_key` of their own.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  reuse_gateway_key: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Send `proxy_api_key` to backends that have no key of their own. Off, it never leaves the gateway.',
      ),
    ),
    false,
  ),
}

/** The `proxy` section: how requests are passed on. */
export const ProxySchema = v.strictObject({
  forward_client_ip: v.optional(
    v.pipe(v.boolean(), v.description('Tell backends the address of the client by X-Forwarded-For.')),
    false,
  ),
})

/** The `timeout` section: time limits of one attempt. */
export const TimeoutSchema = v.strictObject({
  queue: v.optional(clocks.queue, '30s'),
  dns: v.optional(clocks.dns, '5s'),
  connect: v.optional(clocks.connect, '10s'),
  tls: v.optional(clocks.tls),
  write: v.optional(clocks.write, '60s'),
  first_byte: v.optional(clocks.first_byte, '600s'),
  idle: v.optional(clocks.idle, '120s'),
  total: v.optional(clocks.total, 0),
})

/** The `retry` section: attempts again on the same route. */
export const RetrySchema = v.strictObject({
  max_retries: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(100),
      v.description(
        'Extra attempts on the same route before the next one is asked. They count for `fallback.max_retries` too.',
      ),
    ),
    0,
  ),
  base_delay: v.optional(durationSchema('Pause before the first extra attempt.', anHour), '200ms'),
  max_delay: v.optional(durationSchema('Upper bound of a pause.', anHour), '5s'),
  multiplier: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.maxValue(100),
      v.description('Growth of the pause from one attempt to the next.'),
    ),
    2,
  ),
  jitter: v.optional(
    v.pipe(
      v.union(
        [v.picklist(['full', 'none']), v.pipe(v.number(), v.minValue(0), v.maxValue(1))],
        'expected "full", "none" or a number from 0 to 1',
      ),
      v.description('Share of the pause that is left to chance: `full` (1), `none` (0) or a number between.'),
      v.transform((jitter) => (jitter === 'full' ? 1 : jitter === 'none' ? 0 : jitter)),
    ),
    'full',
  ),
  on_status: v.optional(
    v.pipe(
      v.array(v.union([v.string(), v.number()], 'expected a status code such as 503 or "5xx"')),
      v.description('Statuses after which the same route is asked again.'),
      v.transform((codes) => codes.map(String)),
    ),
    [502, 503, 504],
  ),
})

const ejectionPercent = v.pipe(
  v.number(),
  v.minValue(1),
  v.maxValue(100),
  v.description(
    'Per cent of the routes of an alias that open circuits and ejections together may take out of use at once, but ' +
      'always one of several. Of more than that, those that would be back soonest are asked.',
  ),
)

/** The `circuit_breaker` section; absent = off. */
export const CircuitBreakerSchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('false switches the breaker off.')), true),
  failure_threshold: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(10_000),
      v.description('Failures in a row that take a route out of use.'),
    ),
    5,
  ),
  open_timeout: v.optional(
    durationSchema(
      'How long the route stays out of use before one request may probe it; twice as long each time that it opens again ' +
        'without having stayed closed for as long as it was open.',
      { ...aDay, min: 1 },
    ),
    '60s',
  ),
  max_open_timeout: v.optional(
    durationSchema('Upper bound of that doubling; below `open_timeout` nothing is doubled.', { ...aDay, min: 1 }),
    '600s',
  ),
  success_threshold: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(10_000),
      v.description('Successful probes in a row that put the route back into use.'),
    ),
    2,
  ),
  max_ejection_percent: v.optional(ejectionPercent, 50),
})

/** The `outlier_detection` section; absent = off. */
export const OutlierDetectionSchema = v.strictObject({
  enabled: v.optional(v.pipe(v.boolean(), v.description('false switches the detection off.')), true),
  interval: v.optional(durationSchema('How far back requests are counted.', { min: 1000, max: 3_600_000 }), '10s'),
  min_requests: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(1_000_000),
      v.description('Requests to a route within that time, below which nothing is concluded.'),
    ),
    20,
  ),
  failure_percent: v.optional(
    v.pipe(
      v.number(),
      v.minValue(1),
      v.maxValue(100),
      v.description(
        'Per cent of them that must have failed for a route to be left out. It must also be clearly worse, by 20 points at least, than the other ' +
          'routes of its alias together.',
      ),
    ),
    50,
  ),
  ejection_time: v.optional(
    durationSchema('How long it is left out, times the ejections in a row.', { ...aDay, min: 1 }),
    '30s',
  ),
  max_ejection_time: v.optional(
    durationSchema('Upper bound of that; below `ejection_time` nothing grows.', { ...aDay, min: 1 }),
    '300s',
  ),
  max_ejection_percent: v.optional(ejectionPercent, 50),
})

/** The `detection` section: which answers count as failures that another route may mend. */
export const DetectionSchema = v.strictObject({
  error_codes: v.optional(
    v.pipe(
      v.array(v.union([v.string(), v.number()], 'expected a status code such as 429 or "5xx"')),
      v.description('Statuses after which the next route is tried; `x` stands for any digit.'),
      v.transform((codes) => codes.map(String)),
    ),
    ['4xx', '5xx'],
  ),
  error_patterns: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(1000))),
      v.maxLength(1000),
      v.description(
        'Texts in an error answer after which the next route is tried: literal and case-sensitive, ' +
          'or a regular expression (RE2) after `re:`.',
      ),
    ),
    [],
  ),
})

export function isBackendUrl(text: string): boolean {
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return false
  const url = new URL(text)
  if (!['http:', 'https:', 'mock:'].includes(url.protocol) || url.hostname === '') return false
  return url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#') && !text.includes('@')
}

function defaultProtocol(url: string): Protocol {
  return url.toLowerCase().startsWith('mock:') ? 'any' : 'openai'
}
