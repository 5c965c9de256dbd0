import * as v from 'valibot'
import { CacheSchema } from '#cache/schema.ts'
import { CredentialsSchema } from '#credential/schema.ts'
import { ValidationSchema } from '#guard/schema.ts'
import { AdminSchema } from '#identity/admin-schema.ts'
import { IdempotencySchema } from '#idempotency/schema.ts'
import { identityEntries } from '#identity/schema.ts'
import { AddressList } from '#kit/address-list.ts'
import { isListenAddress } from '#kit/listen-address.ts'
import { durationSchema, sizeSchema } from '#kit/quantity-schema.ts'
import { BudgetsSchema } from '#limit/budget-schema.ts'
import { ConcurrencySchema, RateLimitingSchema } from '#limit/schema.ts'
import { MiddlewareListSchema } from '#rules/middleware-schema.ts'
import { SystemPromptsSchema } from '#rules/system-prompt-schema.ts'
import { FallbackSchema, LoadBalancingSchema, modelsSchema, OwnedIdsSchema } from '#route/schema.ts'
import { passthroughSchema, servicesSchema } from '#route/service-schema.ts'
import { MetricsSchema } from '#telemetry/metrics-schema.ts'
import { LoggingSchema } from '#telemetry/schema.ts'
import { CompatSchema } from '#upstream/compat-schema.ts'
import { FiltersSchema } from '#upstream/filter-schema.ts'
import { HealthCheckSchema } from '#upstream/health-schema.ts'
import { OutboundProxySchema } from '#upstream/link-schema.ts'
import { AliasStreamingSchema, StreamingSchema } from '#upstream/streaming-schema.ts'
import {
  backendEntries,
  CircuitBreakerSchema,
  DetectionSchema,
  OutlierDetectionSchema,
  ProxySchema,
  RetrySchema,
  saysProtocolOnce,
  TimeoutSchema,
  upstreamEntries,
  withProtocol,
} from '#upstream/schema.ts'
import { HooksSchema } from '#hook/schema.ts'
import { ListenTlsSchema } from './listen-tls-schema.ts'
import { UsageSchema } from '#usage/schema.ts'
import { ServerSchema } from './server-schema.ts'
import { CorsSchema, ForwardProxySchema, HealthPagesSchema } from './surface-schema.ts'

/** Limit: the largest `max_body_size`. */
const bodyBytesLimit = 2 * 1024 ** 3

/** Limit: the largest `max_upload_size`. */
export const uploadBytesLimit = 1024 ** 5

const aliasStreaming = v.pipe(
  AliasStreamingSchema,
  v.description('What clients of streams of this alias are promised, where it differs from the `streaming` section.'),
)

const ownEntries = {
  ...backendEntries,
  credentials: v.optional(CredentialsSchema, []),
  health_check: v.optional(
    v.pipe(HealthCheckSchema, v.description('Where its checks differ from the `health_check` section.')),
  ),
}

/** `backends[]`: what its rooms know of it. */
const BackendSchema = v.pipe(
  v.strictObject(ownEntries),
  v.forward(
    v.check((backend) => saysProtocolOnce(backend), 'expected nothing here beside "protocol"'),
    ['converter'],
  ),
  v.transform(withProtocol),
)

/** What a backend of a service may say of itself; it speaks whatever its clients speak, and has no name that others use. */
const {
  name: _name,
  weight: _weight,
  protocol: _protocol,
  converter: _converter,
  api_version: _version,
  prefill: _prefill,
  apis: _apis,
  profile: _profile,
  url_anthropic: _urlAnthropic,
  url,
  ...pooledEntries
} = ownEntries
const pooled = { ...pooledEntries, url: v.optional(url) }

/** The whole file: every key, its default, its bounds and its sentence. Nothing else knows the keys. */
export const ConfigSchema = v.strictObject({
  listen: v.optional(
    v.pipe(
      v.string(),
      v.check(isListenAddress, 'expected an address such as ":8080", "127.0.0.1:8080", "[::1]:8080" or "unix:/path"'),
      v.description('Where clients connect. A change needs a restart.'),
      v.metadata({ 'x-boot-only': true }),
    ),
    ':8080',
  ),
  ...identityEntries,
  admin: v.optional(v.pipe(AdminSchema, v.description('Who may look behind the scenes, and where.')), {}),
  trusted_proxies: v.optional(
    v.pipe(
      v.array(
        v.pipe(v.string(), v.check(isAddressRange, 'expected an IP address, a range such as "10.0.0.0/8", or "unix"')),
      ),
      v.maxLength(10_000),
      v.description(
        'Proxies in front of the gateway, whose X-Forwarded-For and X-Real-IP are believed: addresses, ranges, and `unix` for whoever connects by unix socket.',
      ),
    ),
    [],
  ),
  max_body_size: v.optional(
    sizeSchema('Largest request body that is accepted.', { min: 1024, max: bodyBytesLimit }),
    '64mb',
  ),
  max_upload_size: v.optional(
    sizeSchema(
      'Largest request body that is sent on while it comes, which takes no memory: for `services`, `passthrough`, and uploads of files. 0: no limit.',
      { max: uploadBytesLimit },
    ),
    '1gb',
  ),
  server: v.optional(v.pipe(ServerSchema, v.description('What the process may take of its machine.')), {}),
  tls: v.optional(
    v.pipe(
      ListenTlsSchema,
      v.description(
        'Encryption of what clients send, on every port. Absent: none. To add or remove it needs a restart.',
      ),
    ),
  ),
  ...upstreamEntries,
  backends: v.optional(
    v.pipe(v.array(BackendSchema), v.maxLength(10_000), v.description('Ways to reach providers.')),
    [],
  ),
  outbound_proxy: v.optional(
    v.pipe(OutboundProxySchema, v.description('The proxy through which backends are reached.')),
    {},
  ),
  models: v.optional(modelsSchema({ streaming: v.optional(aliasStreaming, {}) }), {}),
  services: v.optional(servicesSchema(pooled), {}),
  services_file: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(4096),
      v.description(
        'A file with more `services`, such as `backends.json`: JSON with or without comments, or YAML. A relative path starts at the folder of the configuration. It is watched like the configuration itself.',
      ),
    ),
  ),
  passthrough: v.optional(passthroughSchema(pooled)),
  forward_proxy: v.optional(
    v.pipe(ForwardProxySchema, v.description('Being a proxy that programs are told to use.')),
    {},
  ),
  idempotency: v.optional(
    v.pipe(
      IdempotencySchema,
      v.description(
        'Requests with the header Idempotency-Key are done once. Absent: off; an empty section `{}` switches it on.',
      ),
    ),
  ),
  validation: v.optional(
    v.pipe(ValidationSchema, v.description('What clients may ask for. Absent: whatever a backend takes.')),
  ),
  filters: v.optional(FiltersSchema, []),
  system_prompts: v.optional(SystemPromptsSchema, []),
  middleware: v.optional(MiddlewareListSchema, []),
  hooks: v.optional(
    v.pipe(HooksSchema, v.description('Steps of your own, in functions or behind addresses. Absent: none.')),
  ),
  load_balancing: v.optional(
    v.pipe(LoadBalancingSchema, v.description('How traffic is shared among routes of one priority.')),
    {},
  ),
  owned_ids: v.optional(
    v.pipe(OwnedIdsSchema, v.description('Remembering which backend has a file, a batch or a former answer.')),
    {},
  ),
  fallback: v.optional(v.pipe(FallbackSchema, v.description('What happens when a route fails.')), {}),
  retry: v.optional(v.pipe(RetrySchema, v.description('Attempts again on the same route.')), {}),
  circuit_breaker: v.optional(
    v.pipe(
      CircuitBreakerSchema,
      v.description(
        'Takes a route out of use after failures in a row. Absent: off; an empty section `{}` switches it on.',
      ),
    ),
  ),
  outlier_detection: v.optional(
    v.pipe(
      OutlierDetectionSchema,
      v.description(
        'Leaves out a route that fails much more often than the others of its alias. Absent: off; an empty section `{}` switches it on.',
      ),
    ),
  ),
  rate_limiting: v.optional(
    v.pipe(RateLimitingSchema, v.description('How many requests and tokens in a minute. Absent: any number.')),
  ),
  concurrency: v.optional(v.pipe(ConcurrencySchema, v.description('How many requests at a time. Absent: any number.'))),
  budgets: v.optional(BudgetsSchema, []),
  health_check: v.optional(v.pipe(HealthCheckSchema, v.description('How backends are asked whether they are well.'))),
  health: v.optional(v.pipe(HealthPagesSchema, v.description('Where probes look, and what they see.')), {}),
  compat: v.optional(
    v.pipe(CompatSchema, v.description('Clients of one API, backends of another: what translation may do.')),
    {},
  ),
  detection: v.optional(
    v.pipe(DetectionSchema, v.description('Which answers count as failures that another route may mend.')),
    {},
  ),
  timeout: v.optional(v.pipe(TimeoutSchema, v.description('Time limits of one attempt.')), {}),
  streaming: v.optional(v.pipe(StreamingSchema, v.description('What clients of streams are promised.')), {}),
  proxy: v.optional(v.pipe(ProxySchema, v.description('How requests are passed on.')), {}),
  errors: v.optional(
    v.pipe(
      v.strictObject({
        unknown_model_status: v.optional(
          v.pipe(
            v.picklist([404, 400]),
            v.description('Status of the answer to a request for an alias that does not exist.'),
          ),
          404,
        ),
      }),
      v.description('How the gateway says no.'),
    ),
    {},
  ),
  cors: v.optional(v.pipe(CorsSchema, v.description('Which web pages may read answers.')), {}),
  headers: v.optional(
    v.pipe(
      v.strictObject({
        debug: v.optional(
          v.pipe(
            v.boolean(),
            v.description(
              'Tell clients by x-llm-proxy-backend, -model and -attempts who answered, by -cost for how much.',
            ),
          ),
          false,
        ),
      }),
      v.description('Headers of answers.'),
    ),
    {},
  ),
  shutdown: v.optional(
    v.pipe(
      v.strictObject({
        drain_timeout: v.optional(
          durationSchema('How long running requests may go on after the order to stop.', { max: 3_600_000 }),
          '30s',
        ),
      }),
      v.description('How the gateway stops.'),
    ),
    {},
  ),
  cache: v.optional(v.pipe(CacheSchema, v.description('Answers that are given again. Absent: none is.'))),
  metrics: v.optional(
    v.pipe(MetricsSchema, v.description('Figures for Prometheus and others that ask from time to time.')),
    {},
  ),
  usage: v.optional(v.pipe(UsageSchema, v.description('What requests take, and what that costs.')), {}),
  logging: v.optional(v.pipe(LoggingSchema, v.description('What is written where.')), {}),
})

/** What the operator wrote, with defaults filled in: names as in the file, durations in milliseconds, sizes in bytes. */
export type Config = v.InferOutput<typeof ConfigSchema>

/** What the operator may write. */
export type ConfigInput = v.InferInput<typeof ConfigSchema>

function isAddressRange(text: string): boolean {
  try {
    void new AddressList([text])
    return true
  } catch {
    return false
  }
}
