/** Where a test sees what a key does: a file below `tests`, and a piece of the test's name. */
export type Observation = readonly [file: string, name: string]

const admin = 'e2e/admin.e2e.test.ts'
const backends = 'road/keys-backends.test.ts'
const balancing = 'road/balancing.test.ts'
const clients = 'road/keys-clients.test.ts'
const fallback = 'road/keys-fallback.test.ts'
const filters = 'road/filters.test.ts'
const hazards = 'e2e/hazards.e2e.test.ts'
const budgets = 'road/budgets.test.ts'
const idempotency = 'road/idempotency.test.ts'
const limited = 'road/limits.test.ts'
const limitedAtATime = 'road/limits-concurrency.test.ts'
const overLimit = 'road/limits-overflow.test.ts'
const cached = 'road/cache.test.ts'
const storesOfCache = 'road/cache-stores.test.ts'
const cacheStores: Observation = [storesOfCache, 'what one gateway keeps another one gives, before and after a restart']
const cacheBytes: Observation = [cached, 'N217 cache.max_bytes and cache.max_entry_bytes bound what is kept']
const cacheScope: Observation = [cached, 'C308 C309 C310 cache.scope.$key: true tells them apart, false does not']
const links = 'e2e/links.e2e.test.ts'
const linksTls = 'e2e/links-tls.e2e.test.ts'
const linksProxies = 'e2e/links-proxies.e2e.test.ts'
const logging = 'e2e/keys-logging.e2e.test.ts'
const metrics = 'e2e/metrics.e2e.test.ts'
const process = 'e2e/keys-process.e2e.test.ts'
const retry = 'road/keys-retry.test.ts'
const rules = 'road/rules.test.ts'
const rollingRestart = 'e2e/rolling-restart.e2e.test.ts'
const routes = 'road/keys-routes.test.ts'
const timeouts = 'e2e/keys-timeouts.e2e.test.ts'

const tlsServing = 'e2e/tls.e2e.test.ts'
const validation = 'road/validation.test.ts'

const usageRoad = 'road/usage.test.ts'
const usagePages = 'e2e/usage.e2e.test.ts'

const prices: Observation = [usageRoad, 'usage.pricing: what a request cost, by the model that answered']
const clock: Observation = [timeouts, 'is enforced, and names itself']
const queueing: Observation = [links, '%s.queue is how long they wait']
const lookUp: Observation = ['road/keys-links.test.ts', '$key ends the search for an address']
const encrypting: Observation = [linksTls, 'F4: %s.tls ends a TLS connection that never comes about']
const clientCertificate: Observation = [linksTls, 'tls.cert and tls.key are shown to a backend that asks for them']
const wayOut: Observation = [
  linksProxies,
  'H18: outbound_proxy.url is asked for what lies outside, a backend may have its own',
]
const pause: Observation = [retry, 'B108: $key: { $retry } waits so long between them']
const cheapest: Observation = [balancing, 'models.<name>.routes[].cost: the cheapest is asked, another one when it']
const streaming = 'road/streaming.test.ts'
const beats: Observation = [streaming, 'streaming.heartbeat in the %s: the client gets its head and a comment']
const blanks: Observation = [streaming, 'streaming.json_keepalive in the %s: blanks, then the answer']
const firstToken: Observation = [streaming, 'streaming.time_to_first_token of the %s: a route that only shakes hands']
const streamIdle: Observation = [streaming, 'streaming.idle_timeout of the %s: silence after the first content']
const streamLength: Observation = [streaming, 'streaming.max_duration of the %s ends a stream that never ends']
const rescues: Observation = [streaming, 'match in the %s: another route repeats the text, and the client gets the']
const holds: Observation = [streaming, 'in the %s: nothing is sent before the answer is complete']
const leavers: Observation = [streaming, 'streaming.on_disconnect $setting in the $place']
const clientStalls: Observation = [streaming, 'streaming.client_timeout in the %s: a client that takes nothing']
const requestFolders: Observation = [logging, 'B58 B59: logging.request_dir gets all of them, logging.error_dir those']
const keysOfCredentials = 'road/keys-credentials.test.ts'
const provesBy: Observation = [keysOfCredentials, 'credentials[].$key proves by what it holds: $sent']
const ofClient: Observation = [keysOfCredentials, 'credentials[].client_id, client_secret and tenant make the token']
const addsClaims: Observation = [keysOfCredentials, 'credentials[].issuer, audience, extra_claims and ttl add to them']
const tokenAge: Observation = [
  keysOfCredentials,
  'credentials[].cache_ttl $cache_ttl and refresh_margin $refresh_margin',
]
const leavingOut = 'road/leaving-out.test.ts'
const ejection: Observation = [
  leavingOut,
  'outlier_detection.ejection_time and max_ejection_time: { $written }: $seconds s',
]
const byName = 'road/clients.test.ts'
const logins: Observation = [byName, 'logins of people are not served, and nobody gets in by them']
const ofToken: Observation = [
  byName,
  'auth.providers[].{secret,issuer,audience,expiration,clock_tolerance}: what changes, counts with the next request',
]
const ofKeySet = 'unit/identity/key-set.test.ts'
const tokens = 'unit/identity/tokens.test.ts'
const keyOrHeader: Observation = [byName, 'auth.providers[].type, header and keys[].key, and proxy_api_key beside them']
const whoItIs: Observation = [byName, 'auth.providers[].keys[].user_id and name are who it is in the account of']
const whenGood: Observation = [byName, 'auth.providers[].keys[].enabled, not_before and expires_at: $key']
const ownLimits: Observation = [
  byName,
  'auth.providers[].keys[].requests_per_minute, tokens_per_minute and max_parallel are limits of their own',
]
const limitsOfTokens: Observation = [tokens, 'the limits of the provider are those of each of its users']
const whoClaims: Observation = [tokens, 'user_claim and user_prefix: $user_claim is who it is: $id']
const permissionsOfToken: Observation = [tokens, 'permissions_claim and permissions: $more allows $may']
const modelsOfToken: Observation = [tokens, 'models_claim and models: $more allows $may']
const providerKeys: readonly (readonly [key: string, seen: Observation])[] = [
  ['type', keyOrHeader],
  ['header', keyOrHeader],
  ['keys[].key', keyOrHeader],
  ['keys[].key_sha256', [byName, 'auth.providers[].keys[].key_sha256 is as good as the key']],
  ['keys[].name', whoItIs],
  ['keys[].user_id', whoItIs],
  ['keys[].enabled', whenGood],
  ['keys[].not_before', whenGood],
  ['keys[].expires_at', whenGood],
  ['keys[].permissions', [byName, 'C406: auth.providers[].keys[].permissions: [chat], at $path']],
  ['keys[].models', [byName, 'B66: auth.providers[].keys[].models: ["gpt-*"], of $model']],
  ['keys[].allowed_ips', [byName, 'auth.providers[].keys[].allowed_ips, from $forwarded by $trusted']],
  ['keys[].requests_per_minute', ownLimits],
  ['keys[].tokens_per_minute', ownLimits],
  ['keys[].max_parallel', ownLimits],
  ['secret', ofToken],
  ['public_key', [tokens, '%s is checked with the public key']],
  ['jwks_url', [ofKeySet, 'are asked for once, however many tokens wait for them']],
  ['jwks_refresh', [ofKeySet, 'jwks_refresh: are asked for anew behind the request when they are old']],
  ['jwks_max_stale', [ofKeySet, 'jwks_max_stale: are used on while they cannot be had, and then tokens are']],
  ['algorithms', [tokens, 'the algorithm is that of the key, and no other of the same key']],
  ['issuer', ofToken],
  ['audience', ofToken],
  ['expiration', ofToken],
  ['clock_tolerance', ofToken],
  ['user_claim', whoClaims],
  ['user_prefix', whoClaims],
  ['permissions_claim', permissionsOfToken],
  ['models_claim', modelsOfToken],
  ['provider', logins],
  ['client_id', logins],
  ['client_secret', logins],
  ['scopes', logins],
  ['permissions', permissionsOfToken],
  ['models', modelsOfToken],
  ['allowed_ips', ofToken],
  ['requests_per_minute', limitsOfTokens],
  ['tokens_per_minute', limitsOfTokens],
  ['max_parallel', limitsOfTokens],
]
const corsRoad = 'road/cors.test.ts'
const forwarding = 'unit/server/forward-proxy.test.ts'
const pools = 'unit/snapshot/services.test.ts'
const servicesRoad = 'road/services.test.ts'
const healthKeys = 'road/keys-health.test.ts'
const hooked = 'road/hooks.test.ts'
const whichHook: Observation = [
  hooked,
  'hooks.before_request[].models and export: only requests for these aliases, by that function',
]
const changesBody: Observation = [
  hooked,
  'C911: hooks.before_request[].file: a hook sees the request without its credentials',
]
const asksAddress: Observation = [
  hooked,
  'C911: hooks.before_request[].{url,headers,secret}: an address is asked, signed',
]
const isTold: Observation = [
  hooked,
  'C912: hooks.after_request[].{file,models,export}: is told once, at the end of an answer',
]
const isTimed: Observation = [
  hooked,
  'C912 F93: hooks.after_request[].{timeout,concurrency}: one that never ends holds nobody up',
]
const tellsAddress: Observation = [
  hooked,
  'C912 F85: hooks.after_request[].{url,headers,secret}: an address that fails is told again',
]
/** Keys of both points that are told something; what tells them is one. */
function toldHooks(point: string): readonly (readonly [string, Observation])[] {
  const keys = { file: isTold, export: isTold, models: isTold, timeout: isTimed, concurrency: isTimed }
  const address = { url: tellsAddress, headers: tellsAddress, secret: tellsAddress }
  return Object.entries({ ...keys, ...address }).map(([key, seen]) => [`hooks.${point}[].${key}`, seen])
}
const converted: Observation = [
  'e2e/converters.e2e.test.ts',
  'converters and backends[].converter: a client of $form is answered',
]
const compatKeys = 'road/keys-compat.test.ts'
const compatAnswers = 'road/keys-compat-answers.test.ts'
const healthPages = 'road/health.test.ts'
const healthPath: Observation = [
  healthPages,
  'C534: health.endpoints[].path is where they are, by health.endpoints[].type',
]
const healthShows: Observation = [healthPages, 'C537: health.verbose.$name: false takes the section away']
const signs: Observation = [keysOfCredentials, 'credentials[].access_key_id and secret_access_key sign each request']
const ofSignature: Observation = [keysOfCredentials, 'credentials[].session_token, region and service are part of it']

/** The keys of a `health_check` section, which stands in several places. */
function checksOf(section: string): Readonly<Record<string, Observation>> {
  const asks: Observation = [
    healthKeys,
    'health_check.method, health_check.path and health_check.headers are what is asked',
  ]
  return {
    [`${section}.enabled`]: [healthKeys, 'health_check.enabled says whether it is checked at all'],
    [`${section}.method`]: asks,
    [`${section}.path`]: asks,
    [`${section}.headers`]: asks,
    [`${section}.expect`]: [healthKeys, 'health_check.expect are the statuses that mean well'],
    [`${section}.interval`]: [healthKeys, 'health_check.interval is from one check to the next'],
    [`${section}.timeout`]: [healthKeys, 'health_check.timeout is the longest time of one'],
    [`${section}.failure_threshold`]: [healthKeys, 'health_check.failure_threshold failed checks in a row take it out'],
    [`${section}.success_threshold`]: [healthKeys, 'health_check.success_threshold good checks in a row bring it back'],
  }
}

const observations: Readonly<Record<string, Observation>> = {
  'tls.enabled': [tlsServing, 'tls.enabled false: the section is as if it were not there'],
  'tls.cert': [tlsServing, 'C1301 D72: tls.cert and tls.key'],
  'tls.key': [tlsServing, 'C1301 D72: tls.cert and tls.key'],
  'tls.certificates[].cert': [tlsServing, 'each of its names gets its own, all others the first'],
  'tls.certificates[].key': [tlsServing, 'each of its names gets its own, all others the first'],
  'tls.client_ca': [tlsServing, 'C1302: tls.client_ca'],
  'tls.client_auth': [tlsServing, 'tls.client_auth off: nobody is asked for one'],
  'tls.min_version': [tlsServing, 'C1303: tls.min_version'],
  'budgets[].name': [budgets, 'budgets[].name: what was spent is remembered by it'],
  'budgets[].scope': [budgets, 'budgets[].scope model: each alias has it for itself'],
  'budgets[].match': [budgets, 'budgets[].match: only those that are like it'],
  'budgets[].per': [budgets, 'F78: budgets[].per: $per begins anew in time'],
  'budgets[].usd': [budgets, 'budgets[].usd and per: when it is spent'],
  'budgets[].tokens': [budgets, 'budgets[].tokens: those of prompts and answers'],
  'budgets[].timezone': [budgets, 'F78: budgets[].timezone is where days begin'],
  'budgets[].alert_at': [budgets, 'budgets[].alert_at: the log tells once'],
  'budgets[].on_exceeded': [budgets, 'budgets[].on_exceeded fallback: the fallback aliases answer'],
  'idempotency.enabled': [idempotency, 'idempotency.enabled: false, and a file without the section'],
  'idempotency.ttl': [idempotency, 'idempotency.ttl: after it, it is done again'],
  'idempotency.wait_timeout': [idempotency, 'idempotency.wait_timeout is how long they wait'],
  'idempotency.max_entries': [idempotency, 'idempotency.max_entries: the oldest is forgotten'],
  'idempotency.max_bytes': [idempotency, 'idempotency.max_bytes: the oldest answers make room'],
  'idempotency.max_answer_bytes': [idempotency, 'idempotency.max_answer_bytes: a larger answer is given'],
  'validation.schema': [validation, "{ key: 'schema: true'"],
  'validation.max_messages': [validation, "{ key: 'max_messages: 1'"],
  'validation.max_message_length': [validation, "{ key: 'max_message_length: 1'"],
  'validation.caps.n.max': [validation, "{ key: 'caps: { n: { max: 1 } }'"],
  'validation.caps.n.action': [validation, 'validation.caps.*.action clamp: $cap'],
  'validation.caps.best_of.max': [validation, "{ key: 'caps: { best_of: { max: 1 } }'"],
  'validation.caps.best_of.action': [validation, 'validation.caps.*.action clamp: $cap'],
  'validation.caps.max_tokens.max': [validation, "{ key: 'caps: { max_tokens: { max: 1 } }'"],
  'validation.caps.max_tokens.action': [validation, 'validation.caps.*.action clamp: $cap'],
  'validation.caps.logprobs.max': [validation, "{ key: 'caps: { logprobs: { max: 1 } }'"],
  'validation.caps.logprobs.action': [validation, 'validation.caps.*.action clamp: $cap'],
  listen: [process, '"host:port" is the address that is served'],
  proxy_api_key: [clients, 'B01 B02: proxy_api_key lets in who has it: with %j'],
  allow_unauthenticated: [process, 'B02: allow_unauthenticated opens the addresses beside loopback: "$yaml"'],
  models_require_auth: [clients, 'models_require_auth closes the model lists to those without the key: %j'],
  'auth.enabled': [byName, 'C401: auth.enabled $enabled looks at providers or does not: $key'],
  'auth.hide_forbidden_models': [byName, 'auth.hide_forbidden_models: what a caller may not ask is not there'],
  'auth.mfa.enabled': logins,
  'auth.mfa.provider': logins,
  ...Object.fromEntries(providerKeys.map(([key, seen]) => [`auth.providers[].${key}`, seen])),
  'admin.key': [admin, 'admin.key opens the pages, and takes the place of the client key'],
  'admin.path': [admin, 'admin.path is where the pages are, until a restart'],
  'admin.listen': [admin, 'admin.listen is an address for the pages alone, open until the last request is done'],
  'admin.page': ['e2e/page.e2e.test.ts', 'admin.page: false takes the page away, and a reload brings it back'],
  'admin.config_with_client_key': [
    'e2e/seed-003.e2e.test.ts',
    'D66 admin.config_with_client_key: the pages about the configuration open to clients from elsewhere, and no others',
  ],
  'admin.keep_requests': [admin, 'admin.keep_requests is how many are remembered, and a reload changes it'],
  trusted_proxies: [clients, 'B86: trusted_proxies may name the client, and nobody else: %j'],
  max_body_size: [process, 'is enforced on the wire, whether a body is announced or comes in chunks'],
  'server.idle_timeout': [process, 'A60: server.idle_timeout $timeout closes an idle connection'],
  max_upload_size: ['e2e/upload.e2e.test.ts', 'max_upload_size refuses what announces more'],
  'hooks.before_request[].file': changesBody,
  'hooks.before_request[].export': whichHook,
  'hooks.before_request[].models': whichHook,
  'hooks.before_request[].url': asksAddress,
  'hooks.before_request[].headers': asksAddress,
  'hooks.before_request[].secret': asksAddress,
  'hooks.before_request[].timeout': [hooked, 'F93: hooks.before_request[].timeout: one that never ends is given up'],
  'hooks.before_request[].on_failure': [
    hooked,
    'hooks.before_request[].on_failure: a hook that $name is skipped, or refuses',
  ],
  'hooks.before_request[].concurrency': [hooked, 'hooks.before_request[].concurrency: more wait for their turn'],
  ...Object.fromEntries(toldHooks('after_request')),
  ...Object.fromEntries(toldHooks('on_error')),
  'hooks.on_error[].file': [hooked, 'C913: hooks.on_error[].file: is told each attempt that failed, and the refusal'],
  'hooks.on_stream_chunk[].file': [
    hooked,
    'C914: hooks.on_stream_chunk[].file: each event is seen, changed and left out $name',
  ],
  'hooks.on_stream_chunk[].export': [
    hooked,
    'hooks.on_stream_chunk[].{models,export}: other streams have no hook at all',
  ],
  'hooks.on_stream_chunk[].models': [
    hooked,
    'hooks.on_stream_chunk[].{models,export}: other streams have no hook at all',
  ],
  'hooks.on_stream_chunk[].timeout': [
    hooked,
    'F93: hooks.on_stream_chunk[].timeout: an event that a hook never gives back',
  ],
  'hooks.on_stream_chunk[].on_failure': [
    hooked,
    'hooks.on_stream_chunk[].on_failure: a hook that $name lets events through',
  ],
  'system_prompts[].text': [rules, 'system_prompts[].text for $name'],
  'system_prompts[].file': [rules, 'system_prompts[].file and dir are files, whose front matter wins'],
  'system_prompts[].dir': [rules, 'system_prompts[].file and dir are files, whose front matter wins'],
  'system_prompts[].enabled': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].models': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].position': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].separator': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].custom_separator': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].priority': [rules, 'system_prompts[] keys: $entry'],
  'system_prompts[].variables': [rules, 'system_prompts[].variables come before what is known'],
  'middleware[].name': [rules, 'C908 middleware[].name and enabled: one after the other'],
  'middleware[].enabled': [rules, 'C908 middleware[].name and enabled: one after the other'],
  'middleware[].config.add_headers': [rules, 'C901 middleware[].config.add_headers reach $name'],
  'middleware[].config.modify_model.rules[].pattern': [rules, 'C902 middleware[].config.modify_model: $path'],
  'middleware[].config.modify_model.rules[].replace': [rules, 'C902 middleware[].config.modify_model: $path'],
  'middleware[].config.strip_fields': [rules, 'C903 middleware[].config.strip_fields: $name'],
  'middleware[].config.add_fields': [rules, 'C904 middleware[].config.add_fields: {now} is the time'],
  'filters[].match.methods': [filters, 'filters[].match.$key: only requests that match lose something'],
  'filters[].match.path': [filters, 'filters[].match.$key: only requests that match lose something'],
  'filters[].match.backends': [
    filters,
    'filters[].match.backends: requests that others may answer lose nothing, and are not looked into',
  ],
  'filters[].match.headers': [filters, 'filters[].match.$key: only requests that match lose something'],
  'filters[].remove.body': [filters, 'A58 A59: filters[].remove takes out members, headers and parameters for $name'],
  'filters[].remove.headers': [
    filters,
    'A58 A59: filters[].remove takes out members, headers and parameters for $name',
  ],
  'filters[].remove.query': [filters, 'A58 A59: filters[].remove takes out members, headers and parameters for $name'],
  'server.reuse_port': [
    rollingRestart,
    'F96: a process takes over from another on one port while clients of all kinds',
  ],
  'server.workers': [
    'e2e/workers.e2e.test.ts',
    'A68 server.workers: all of them take connections of one port, and tell',
  ],
  'server.memory_limit': [hazards, 'F95: server.memory_limit is where large bodies are refused, and nothing else'],
  upstream_default_key: [backends, 'upstream_default_key is for the others'],
  reuse_gateway_key: [backends, 'reuse_gateway_key lends ours'],
  'backends[].name': [clients, 'headers.debug tells who answered, at which attempt: %j'],
  'backends[].url': [backends, 'B73: backends[].url $url is where requests go'],
  'backends[].api_key': [backends, 'B03: api_key is its own'],
  'backends[].protocol': [backends, 'B101: backends[].protocol "$protocol" decides path and form of the key: $url'],
  'backends[].converter': converted,
  converters: converted,
  'backends[].enabled': [process, 'auto goes by the variable of the key, with one line for each that is unset'],
  'backends[].weight': [routes, 'share the load by backends[].weight too: $weight'],
  'backends[].headers': [backends, 'backends[].headers come with every request and replace those of the client'],
  'backends[].auth_mode': [backends, 'backends[].auth_mode "$mode" names the header of the key'],
  'backends[].timeout.queue': queueing,
  'backends[].timeout.dns': lookUp,
  'backends[].timeout.connect': clock,
  'backends[].timeout.tls': encrypting,
  'backends[].timeout.write': clock,
  'backends[].timeout.first_byte': clock,
  'backends[].timeout.idle': clock,
  'backends[].timeout.total': clock,
  'backends[].api_version': [backends, 'backends[].api_version is what Azure is asked for: %j'],
  'backends[].transport': [links, 'transport: the own client sends what there is to send, fetch adds to it'],
  'backends[].http2': [links, 'C1201: http2 is what such a backend is spoken to in'],
  'backends[].websocket': [links, 'websocket: %p decides whether one may be opened'],
  'backends[].max_connections': [links, 'D49: max_connections is the most there are, and the others wait'],
  'backends[].pool.max_idle': [links, 'pool.max_idle: of three that are done, so many stay'],
  'backends[].pool.idle_timeout': [links, 'C1204: pool.idle_timeout closes those that nobody needs'],
  'backends[].pool.max_age': [links, 'pool.max_age $age: one is renewed when it is older ($isRenewed)'],
  'backends[].pool.prewarm': [links, 'C1203: pool.prewarm opens them before anyone asks, at the start and after a'],
  'backends[].pool.max_waiting': [links, 'pool.max_waiting is how many may wait; the next one is told at once'],
  'backends[].tls.ca': [
    linksTls,
    'F5: tls.verify false takes a certificate that nobody signed, tls.ca trusts just its',
  ],
  'backends[].tls.cert': clientCertificate,
  'backends[].tls.key': clientCertificate,
  'backends[].tls.server_name': [linksTls, 'tls.server_name is asked for and must be in the certificate'],
  'backends[].tls.min_version': [linksTls, 'tls.min_version refuses backends that speak only older versions'],
  'backends[].tls.verify': [process, 'F5: a certificate that nobody signed is refused, unless it is false'],
  'backends[].unix_socket': [links, 'unix_socket is connected to instead of the host in url'],
  'backends[].outbound_proxy': wayOut,
  'backends[].streaming.time_to_first_token': firstToken,
  'backends[].streaming.idle_timeout': streamIdle,
  'backends[].streaming.max_duration': streamLength,
  'backends[].prefill': [streaming, 'backends[].prefill: the text so far is put into the request, and what comes is'],
  'backends[].url_anthropic': [compatKeys, 'C1418: backends[].url_anthropic is where Anthropic clients'],
  'backends[].apis': [compatKeys, 'backends[].apis $apis: a Responses client is sent to'],
  'backends[].profile.max_output_tokens': [
    compatKeys,
    'backends[].profile.max_output_tokens is the limit where the client',
  ],
  'backends[].profile.max_tokens_field': [compatKeys, 'backends[].profile.max_tokens_field %s names the limit'],
  'backends[].profile.system_role': [compatKeys, 'backends[].profile.system_role %s hears the system'],
  'backends[].profile.single_system': [compatKeys, 'backends[].profile.single_system $single: $count system messages'],
  'backends[].profile.sampling': [compatKeys, 'backends[].profile.sampling $sampling: plainly, and while it thinks'],
  'backends[].profile.stop_max': [compatKeys, 'backends[].profile.stop_max stop sequences are sent, no more'],
  'backends[].profile.media': [compatKeys, 'backends[].profile.media $media: an image comes to'],
  'backends[].profile.structured': [
    compatKeys,
    'backends[].profile.structured $structured: JSON of a schema is asked by',
  ],
  'backends[].profile.reasoning': [compatKeys, 'backends[].profile.reasoning $reasoning: it is asked to think by'],
  'backends[].profile.reasoning_field': [
    compatKeys,
    'backends[].profile.reasoning_field %s is where its earlier thoughts',
  ],
  'backends[].profile.reasoning_history': [
    compatKeys,
    'backends[].profile.reasoning_history $history: earlier thoughts',
  ],
  'backends[].profile.reasoning_tags': [
    compatKeys,
    'backends[].profile.reasoning_tags $tags: <think> in a text is read as',
  ],
  'backends[].profile.include_usage': [compatKeys, 'backends[].profile.include_usage $usage: a stream is asked with'],
  'backends[].profile.always_stream': [compatKeys, 'backends[].profile.always_stream: a client that wants no stream'],
  'backends[].profile.refuses': [compatKeys, 'backends[].profile.refuses $refuses: top_p is sent as'],
  'backends[].credentials[].name': [keysOfCredentials, 'credentials[].name is what log and records call it'],
  'backends[].credentials[].type': provesBy,
  'backends[].credentials[].weight': [
    keysOfCredentials,
    'credentials[].weight is how many turns each takes in one round',
  ],
  'backends[].credentials[].api_key': provesBy,
  'backends[].credentials[].file': provesBy,
  'backends[].credentials[].env': provesBy,
  'backends[].credentials[].secrets_file': [keysOfCredentials, 'A01: credentials[].secrets_file is a list of them'],
  'backends[].credentials[].client_id': ofClient,
  'backends[].credentials[].client_secret': ofClient,
  'backends[].credentials[].tenant': ofClient,
  'backends[].credentials[].claims': [keysOfCredentials, 'credentials[].claims are the fields, in this order'],
  'backends[].credentials[].extra_claims': addsClaims,
  'backends[].credentials[].issuer': addsClaims,
  'backends[].credentials[].audience': addsClaims,
  'backends[].credentials[].ttl': addsClaims,
  'backends[].credentials[].cache_ttl': tokenAge,
  'backends[].credentials[].refresh_margin': tokenAge,
  'backends[].credentials[].token_url': [
    keysOfCredentials,
    'credentials[].token_url is asked once, and its token is used again',
  ],
  'backends[].credentials[].scope': [keysOfCredentials, 'credentials[].scope is what it is asked for'],
  'backends[].credentials[].auth_style': [
    keysOfCredentials,
    'credentials[].auth_style $style says where id and secret stand',
  ],
  'backends[].credentials[].authority': [keysOfCredentials, 'credentials[].authority is where Azure AD is asked'],
  'backends[].credentials[].service_account': [
    keysOfCredentials,
    'credentials[].service_account signs what Google gives a token for',
  ],
  'backends[].credentials[].access_key_id': signs,
  'backends[].credentials[].secret_access_key': signs,
  'backends[].credentials[].session_token': ofSignature,
  'backends[].credentials[].region': ofSignature,
  'backends[].credentials[].service': ofSignature,
  services_file: ['e2e/seed-003.e2e.test.ts', 'both seeds from one config.yaml, and both by flags'],
  'outbound_proxy.url': wayOut,
  'outbound_proxy.no_proxy': [linksProxies, 'outbound_proxy.no_proxy names those that are connected to directly'],
  'models.<name>.enabled': [clients, 'B18: models.<name>.enabled false takes the alias off the list and out of use'],
  'models.<name>.routes[].backend': [routes, 'models.<name>.routes[].backend and .model say where a request goes'],
  'models.<name>.routes[].model': [routes, 'models.<name>.routes[].backend and .model say where a request goes'],
  'models.<name>.routes[].priority': [routes, 'B08: models.<name>.routes[].priority: $name'],
  'models.<name>.routes[].weight': [routes, 'B15: share the load by models.<name>.routes[].weight: $name'],
  'models.<name>.routes[].enabled': [
    routes,
    'B19: models.<name>.routes[].enabled $enabled decides whether it is tried',
  ],
  'models.<name>.routes[].cost.input': cheapest,
  'models.<name>.routes[].cost.output': cheapest,
  'models.<name>.strategy': [balancing, 'C101 D11 D18: $strategy is exact: $first'],
  'models.<name>.affinity.by': [balancing, 'models.<name>.affinity.by: $by'],
  'models.<name>.affinity.ttl': [balancing, 'D20: models.<name>.affinity.ttl: $ttl, asked again after $seconds s'],
  'models.<name>.routes[].protocol': [routes, 'B101: models.<name>.routes[].protocol "$protocol" wins over that of'],
  'models.<name>.streaming.heartbeat': beats,
  'models.<name>.streaming.json_keepalive': blanks,
  'models.<name>.streaming.time_to_first_token': firstToken,
  'models.<name>.streaming.idle_timeout': streamIdle,
  'models.<name>.streaming.max_duration': streamLength,
  'models.<name>.streaming.rescue': rescues,
  'models.<name>.streaming.hold': holds,
  'models.<name>.streaming.on_disconnect': leavers,
  'models.<name>.streaming.client_timeout': clientStalls,
  'load_balancing.fail_open': [leavingOut, '"$written" while the checks of "$down" fail: $asked'],
  'load_balancing.slow_start': [leavingOut, '"$written" gives a route that comes back $share of the traffic in its'],
  'load_balancing.strategy': [balancing, 'holds for aliases that say nothing else: "$own"'],
  'owned_ids.max': ['road/owned-ids.test.ts', 'owned_ids.max is how many are remembered, 0 is none'],
  'owned_ids.resources': ['road/owned-ids.test.ts', 'owned_ids.resources: $resources lets $method $path be $status'],
  'owned_ids.ttl': ['road/owned-ids.test.ts', 'owned_ids.ttl is for how long, after each use'],
  'fallback.cooldown_seconds': [fallback, 'B20 B21: fallback.cooldown_seconds: { $fallback } is $rest seconds'],
  'fallback.max_retries': [fallback, 'B26 B27: fallback.max_retries: { $fallback } is $tried attempts'],
  'fallback.alias_fallback': [fallback, 'B10: fallback.alias_fallback: { $fallback } names who comes next'],
  'fallback.cooldown_on': [fallback, 'N101: fallback.cooldown_on: { $fallback } with status $status: $rests'],
  'fallback.when_all_cooling': [fallback, 'fallback.when_all_cooling: wait waits for the first to recover'],
  'fallback.deadline': [fallback, 'fallback.deadline: { $fallback } ends all attempts together'],
  'fallback.respect_retry_after': [
    fallback,
    'B25: fallback.respect_retry_after: { $fallback } with Retry-After $asked',
  ],
  'fallback.retry_after_max': [fallback, 'B25: fallback.retry_after_max: { $fallback } with Retry-After $asked'],
  'retry.max_retries': [retry, 'B108: retry.max_retries: { $retry } asks $hosts'],
  'retry.base_delay': pause,
  'retry.max_delay': pause,
  'retry.multiplier': pause,
  'retry.jitter': [retry, 'B108: retry.jitter $jitter leaves between $least and $most of 1000 ms'],
  'retry.on_status': [retry, 'B108: retry.on_status: { $retry } with $status asks $hosts'],
  'circuit_breaker.enabled': [retry, 'B109: circuit_breaker.enabled: "$breaker" opens after five failures: $opens'],
  'circuit_breaker.failure_threshold': [retry, 'B109: circuit_breaker.failure_threshold: %d failures in a row open it'],
  'circuit_breaker.open_timeout': [
    retry,
    'B109: circuit_breaker.open_timeout: { $written } keeps it open for $seconds',
  ],
  'circuit_breaker.success_threshold': [retry, 'B109: circuit_breaker.success_threshold: { $written } closes after'],
  'circuit_breaker.max_open_timeout': [
    leavingOut,
    'circuit_breaker.max_open_timeout: { $written } ends the doubling of open_timeout',
  ],
  'circuit_breaker.max_ejection_percent': [
    leavingOut,
    'circuit_breaker.max_ejection_percent: { $written } leaves $asked of four',
  ],
  'outlier_detection.enabled': [leavingOut, 'outlier_detection.enabled: "$section" leaves it out: $isOut'],
  'outlier_detection.interval': [
    leavingOut,
    'outlier_detection.interval: { $written } with a request every $stepMs ms',
  ],
  'outlier_detection.min_requests': [leavingOut, 'outlier_detection.min_requests: { $written } leaves it out after'],
  'outlier_detection.failure_percent': [leavingOut, 'outlier_detection.failure_percent: { $written } with $bad of ten'],
  'outlier_detection.ejection_time': ejection,
  'outlier_detection.max_ejection_time': ejection,
  'outlier_detection.max_ejection_percent': [
    leavingOut,
    'outlier_detection.max_ejection_percent: { $written } leaves $left of four',
  ],
  'compat.translate': [compatKeys, 'compat.translate $translate: a Claude client of a Chat backend gets'],
  'compat.mode': [compatKeys, 'compat.mode $mode: a hint and a missing file come to'],
  'compat.prefer_native': ['unit/core/serving.test.ts', 'goes by weight alone where compat.prefer_native is off'],
  'compat.inline_system': [compatKeys, 'compat.inline_system $inline: a system message in the middle'],
  'compat.repair_history': [compatKeys, 'compat.repair_history $repair: a result without a call comes to'],
  'compat.auto_cache': [compatKeys, 'compat.auto_cache $auto: breakpoints in a long prompt'],
  'compat.forward_identity': [compatKeys, 'compat.forward_identity $forward: Claude is told'],
  'compat.chat_reasoning': [compatKeys, 'compat.chat_reasoning $field: Chat clients find thoughts in'],
  'compat.hosted_tools': [compatKeys, 'compat.hosted_tools $hosted: a search of the web comes to Claude as'],
  'compat.media_fetch': [compatKeys, 'compat.media_fetch $fetch: an image by address'],
  'compat.normalize_embeddings': [compatAnswers, 'compat.normalize_embeddings $normalize: Gemini’s [3, 4] is told in'],
  'compat.citations': [compatAnswers, 'compat.citations $citations: of a source with a place and one without'],
  'compat.enforce_single_tool_call': [compatAnswers, 'compat.enforce_single_tool_call $enforce: with'],
  'compat.responses_reasoning_text': [compatAnswers, 'compat.responses_reasoning_text $text: with reasoning'],
  'compat.missing_item_reference': [compatAnswers, 'compat.missing_item_reference $missing: thoughts that nobody'],
  'compat.n': [compatKeys, 'compat.n $n: two answers of Claude to one request'],
  'detection.error_codes': [retry, 'B28 B29 B30 B31: detection.error_codes: { $detection }'],
  'detection.error_patterns': [retry, 'B32: detection.error_patterns: { $detection } in "$says": $found'],
  ...checksOf('health_check'),
  ...checksOf('backends[].health_check'),
  ...checksOf('services.<name>.models.<name>.backends[].health_check'),
  ...checksOf('passthrough.backends[].health_check'),
  'health.endpoints[].path': healthPath,
  'health.endpoints[].type': healthPath,
  'health.verbose.show_upstream_status': healthShows,
  'health.verbose.show_cache_status': healthShows,
  'health.verbose.show_rate_limit_status': healthShows,
  'rate_limiting.enabled': [limited, 'rate_limiting.enabled: false leaves everybody alone'],
  'rate_limiting.backend': [
    overLimit,
    'C211: rate_limiting.backend: redis, redis.url and redis.key_prefix say where is counted',
  ],
  'rate_limiting.algorithm': [limited, 'C210: rate_limiting.algorithm: token_bucket gives back little by little'],
  'rate_limiting.burst': [limited, 'rate_limiting.burst saves up'],
  'rate_limiting.headers': [limited, 'C213: rate_limiting.headers: OpenAI clients get'],
  'rate_limiting.global.requests_per_minute': [
    limited,
    'C201 C209: rate_limiting.global.requests_per_minute: the 101st is refused',
  ],
  'rate_limiting.global.requests_per_second': [
    limited,
    'rate_limiting.global.requests_per_second: in a second, fractions too',
  ],
  'rate_limiting.global.tokens_per_minute': [
    overLimit,
    'C202 C204: rate_limiting.$scope.tokens_per_minute counts what answers took',
  ],
  'rate_limiting.per_user.enabled': [limited, 'C203: rate_limiting.per_user.enabled: false leaves callers alone'],
  'rate_limiting.per_user.requests_per_minute': [
    limited,
    'C203: rate_limiting.per_user.requests_per_minute: who has asked enough',
  ],
  'rate_limiting.per_user.requests_per_second': [
    limited,
    'rate_limiting.per_user.requests_per_second is told apart by callers too',
  ],
  'rate_limiting.per_user.tokens_per_minute': [
    overLimit,
    'C202 C204: rate_limiting.$scope.tokens_per_minute counts what answers took',
  ],
  'rate_limiting.per_ip.enabled': [limited, 'rate_limiting.per_ip.enabled: false and requests_per_second'],
  'rate_limiting.per_ip.requests_per_minute': [limited, 'rate_limiting.per_ip.requests_per_minute: each address'],
  'rate_limiting.per_ip.requests_per_second': [limited, 'rate_limiting.per_ip.enabled: false and requests_per_second'],
  'rate_limiting.per_ip.tokens_per_minute': [
    overLimit,
    'C202 C204: rate_limiting.$scope.tokens_per_minute counts what answers took',
  ],
  'rate_limiting.per_model.enabled': [limited, 'C205: rate_limiting.per_model.enabled: false leaves models alone'],
  'rate_limiting.per_model.<name>.requests_per_minute': [
    limited,
    'C205: rate_limiting.per_model.<name>: that model alone',
  ],
  'rate_limiting.per_model.<name>.requests_per_second': [
    limited,
    'C205: rate_limiting.per_model.<name>: that model alone',
  ],
  'rate_limiting.per_model.<name>.tokens_per_minute': [
    overLimit,
    'C202 C204: rate_limiting.$scope.tokens_per_minute counts what answers took',
  ],
  'rate_limiting.strategies.overflow': [overLimit, 'C206: rate_limiting.strategies.overflow: reject is 429 at once'],
  'rate_limiting.strategies.queue_max_size': [
    overLimit,
    'C207: rate_limiting.strategies.queue_max_size: one more is refused at once',
  ],
  'rate_limiting.strategies.queue_timeout': [
    overLimit,
    'C207: rate_limiting.strategies.queue_timeout is how long they wait',
  ],
  'rate_limiting.strategies.fallback_model': [
    overLimit,
    'C208: rate_limiting.strategies.fallback_model answers where there are none',
  ],
  'rate_limiting.redis.url': [
    overLimit,
    'C211: rate_limiting.backend: redis, redis.url and redis.key_prefix say where is counted',
  ],
  'rate_limiting.redis.key_prefix': [
    overLimit,
    'C211: rate_limiting.backend: redis, redis.url and redis.key_prefix say where is counted',
  ],
  'rate_limiting.redis.timeout': [overLimit, 'F80: rate_limiting.redis.timeout is how long it is waited for'],
  'cache.enabled': [cached, 'cache.enabled: false, or no section, asks every time and tells nothing'],
  'cache.backend': cacheStores,
  'cache.ttl': [cached, 'C304 cache.ttl: after ttl 1 it is a miss, and a fraction of a second counts'],
  'cache.max_size': [cached, 'C305 N217 cache.max_size: of three entries with room for two the oldest is gone'],
  'cache.max_bytes': cacheBytes,
  'cache.max_entry_bytes': cacheBytes,
  'cache.redis.url': cacheStores,
  'cache.redis.db': cacheStores,
  'cache.memcached.address': cacheStores,
  'cache.key_prefix': [storesOfCache, 'cache.key_prefix: gateways with another one know nothing of each other'],
  'cache.timeout': [storesOfCache, 'F80 cache.timeout is how long a store that hangs is waited for'],
  'cache.key_generation.include_headers': [cached, 'C306 cache.key_generation.include_headers: another value of'],
  'cache.key_generation.normalize': [cached, 'C307 cache.key_generation.normalize: order and plain defaults make'],
  'cache.scope.cache_by_model': cacheScope,
  'cache.scope.cache_by_system_prompt': cacheScope,
  'cache.scope.cache_by_tools': cacheScope,
  'cache.scope.shared': [cached, 'C319 B81 each caller has answers of its own, unless cache.scope.shared'],
  'cache.hit_response.headers': [cached, 'C314 cache.hit_response.headers are those of a hit; without X-Cache'],
  'cache.hit_response.latency_improvement_tracking': [
    cached,
    'C315 cache.hit_response.latency_improvement_tracking: what a hit saved is in its account',
  ],
  'rate_limiting.on_error': [overLimit, 'F80: rate_limiting.on_error: $onError while it does not answer'],
  'concurrency.enabled': [limitedAtATime, 'concurrency.enabled: false limits nothing'],
  'concurrency.max_requests': [limitedAtATime, 'C221 B107: concurrency.max_requests: one more waits for its turn'],
  'concurrency.per_user': [limitedAtATime, 'concurrency.per_user: one caller’s many requests leave room for others'],
  'concurrency.per_backend_limit': [
    limitedAtATime,
    'B107: concurrency.per_backend_limit: a full backend is passed over',
  ],
  'concurrency.max_queue_size': [limitedAtATime, 'C222: concurrency.max_queue_size: one more is refused with 503'],
  'concurrency.queue_timeout': [
    limitedAtATime,
    'B107: concurrency.queue_timeout: who waited so long is refused with 503',
  ],
  'timeout.queue': queueing,
  'timeout.dns': lookUp,
  'timeout.connect': clock,
  'timeout.tls': encrypting,
  'timeout.write': clock,
  'timeout.first_byte': clock,
  'timeout.idle': clock,
  'timeout.total': clock,
  'streaming.heartbeat': beats,
  'streaming.json_keepalive': blanks,
  'streaming.time_to_first_token': firstToken,
  'streaming.idle_timeout': streamIdle,
  'streaming.max_duration': streamLength,
  'streaming.rescue': rescues,
  'streaming.hold': holds,
  'streaming.on_disconnect': leavers,
  'streaming.client_timeout': clientStalls,
  'proxy.forward_client_ip': [backends, 'B113: proxy.forward_client_ip tells the backend who asks: %j'],
  'errors.unknown_model_status': [clients, 'B71: errors.unknown_model_status is the status for an unknown alias: %j'],
  'cors.enabled': [corsRoad, 'cors.enabled: $enabled, and a page may read: $reads'],
  'cors.allowed_origins': [corsRoad, 'D57 C909: cors.allowed_origins: $origins lets $origin read: $reads'],
  'cors.allow_credentials': [corsRoad, 'D58: cors.allow_credentials is told, and never together with "*"'],
  'cors.allow_methods': [corsRoad, 'D58: cors.allow_methods and cors.allow_headers are what a page may send'],
  'cors.allow_headers': [corsRoad, 'D58: cors.allow_methods and cors.allow_headers are what a page may send'],
  'cors.expose_headers': [corsRoad, 'cors.expose_headers come beside those that clients read anyway'],
  'cors.max_age': [corsRoad, 'cors.max_age is how long a browser need not ask again'],
  'forward_proxy.enabled': [forwarding, 'A51 A53: forward_proxy.enabled: what is asked of $host goes to'],
  'forward_proxy.own_hosts': [forwarding, 'forward_proxy.own_hosts are names of our own: $host'],
  'headers.debug': [clients, 'headers.debug tells who answered, at which attempt: %j'],
  'shutdown.drain_timeout': [process, 'B118: $timeout is how long a running stream may go on ($alias)'],
  'metrics.enabled': [metrics, 'metrics.enabled: false hides them, and a reload brings them back'],
  'metrics.path': [metrics, 'C522: %s is where they are'],
  'metrics.seed_names': [metrics, 'metrics.seed_names: false shows none of the older names'],
  'metrics.require_key': [metrics, 'metrics.require_key: true asks for a key of a client or of the admin pages'],
  'metrics.listen': [metrics, 'metrics.listen is an address for them alone'],
  'usage.enabled': [usageRoad, 'usage.enabled: false: nobody counts'],
  'usage.file': [usagePages, 'usage.file keeps the sums over restarts'],
  'usage.retention_days': [usagePages, 'usage.retention_days drops older days'],
  'usage.pricing.<name>.input': prices,
  'usage.pricing.<name>.output': prices,
  'usage.pricing.<name>.cached_input': prices,
  'usage.pricing.<name>.cache_write': [usageRoad, 'usage.pricing.<name>.$key'],
  'usage.pricing.<name>.reasoning': [usageRoad, 'usage.pricing.<name>.$key'],
  'usage.pricing.<name>.per': [usageRoad, 'usage.pricing.<name>.$key'],
  'usage.pricing_source': [usagePages, 'usage.pricing_source: prices of a server are used'],
  'usage.pricing_key': [usagePages, 'which is shown usage.pricing_key'],
  'usage.pricing_refresh': [usagePages, 'read anew by usage.pricing_refresh'],
  'logging.level': [logging, 'B53: $level is the least that is written'],
  'logging.general_file': [logging, 'B51: logging.general_file has its day in its name and every line of the console'],
  'logging.separate_files': requestFolders,
  'logging.request_dir': requestFolders,
  'logging.error_dir': requestFolders,
  'logging.mask_sensitive': [logging, 'B61 B62: logging.mask_sensitive hides keys: { $logging }'],
  'logging.enable_metrics': [logging, 'B64: logging.enable_metrics adds a line of figures per request: { $logging }'],
  'logging.max_file_size_mb': [logging, 'B52: logging.max_file_size_mb splits it: { $size }'],
  'logging.max_age_days': [logging, 'A64: logging.max_age_days and max_total_size_mb: { $logging } leave $left'],
  'logging.max_total_size_mb': [logging, 'A64: logging.max_age_days and max_total_size_mb: { $logging } leave $left'],
  'logging.format': [logging, 'B54: logging.format $format'],
  'logging.language': [logging, 'B55 B56: logging.language $language'],
  'logging.timezone': [logging, 'is the zone of lines, files and folders, and the page gets to know it: $zone'],
  'logging.categories.request_body.level': [logging, 'logging.categories.request_body.level switches them on'],
  'logging.categories.request_body.path': [logging, 'logging.categories.request_body.path is the folder of every'],
  'logging.categories.request_body.include_body': [
    logging,
    'logging.categories.request_body.include_body false leaves',
  ],
  'logging.categories.request_body.max_age_days': [logging, 'B116: { $days } keeps the days of the last $kept'],
}

/** A backend that stands in a service or in `passthrough` is made as one of `backends` is. */
function inPools(): Readonly<Record<string, Observation>> {
  const meansTheSame: Observation = [
    pools,
    'in services and in passthrough: a backend there takes every key that it takes in `backends`',
  ]
  const without = new Set([
    'name',
    'weight',
    'protocol',
    'converter',
    'api_version',
    'prefill',
    'apis',
    'url_anthropic',
  ])
  const keys = Object.keys(observations)
    .filter((key) => key.startsWith('backends[].') && !key.startsWith('backends[].health_check.'))
    .map((key) => key.slice('backends[].'.length))
    .filter((key) => !without.has(key) && !key.startsWith('profile.'))
  const own: Readonly<Record<string, Observation>> = {
    id: [pools, 'D06 D08 D09 D10: each model is a plan of one tier, its backends named by service, model and id'],
    name: [pools, 'D06 D08 D09 D10: each model is a plan of one tier, its backends named by service, model and id'],
    backend: [pools, 'a backend of `backends` may be named: it keeps its key and its name, and stands on its own here'],
    weight: [servicesRoad, 'D11 N307: services.<name>.models.<name>.backends[].weight: 2 to 1, in turn'],
    enabled: [pools, 'one that is switched off is not asked'],
  }
  const places = ['services.<name>.models.<name>', 'passthrough']
  const strategy: Observation = [
    pools,
    'services.<name>.strategy and models.<name>.strategy: the nearest word counts, $name',
  ]
  const affinity: Observation = [
    pools,
    'D19 D20: services.<name>.affinity and models.<name>.affinity: the nearest word counts, $name',
  ]
  const balance = ['services.<name>', ...places].flatMap((place) => [
    [`${place}.strategy`, strategy],
    [`${place}.affinity.by`, affinity],
    [`${place}.affinity.ttl`, affinity],
  ])
  const ofEntry = [...keys.map((key): [string, Observation] => [key, meansTheSame]), ...Object.entries(own)]
  const rows = places.flatMap((place) => ofEntry.map(([key, seen]) => [`${place}.backends[].${key}`, seen]))
  return Object.fromEntries([...rows, ...balance])
}

/** Every key of the configuration that holds a value, and the test that would fail if the key did nothing. */
export const observed: Readonly<Record<string, Observation>> = { ...observations, ...inPools() }
