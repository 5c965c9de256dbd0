/** Where a test sees what a key does: a file below `tests`, and a piece of the test's name. */
export type Observation = readonly [file: string, name: string]

const compile = 'unit/snapshot/compile.test.ts'
const plans = 'unit/snapshot/plans.test.ts'
const load = 'unit/config/load.test.ts'
const logging = 'unit/telemetry/compile.test.ts'
const limits: Observation = [compile, 'its own time limits come before the common ones, each for itself']
const handedOn: Observation = [compile, 'what else a backend says is handed on']
const backendKeys: Observation = [compile, 'a backend is sent $name']
const plain: Observation = [compile, 'plain settings are handed on']
const rests: Observation = [compile, 'the fallback section decides about rests']
const retry: Observation = [compile, 'B108: the retry section is about the same route and is off by default']
const breaker: Observation = [compile, 'B109: the circuit breaker is off unless its section is there and enabled']
const carriedOver: Observation = [logging, 'compileLogging() carries over: $name']

/** Every key of the configuration that holds a value, and the test that would fail if the key did nothing. */
export const observed: Readonly<Record<string, Observation>> = {
  listen: [compile, '%j opens every address'],
  proxy_api_key: [compile, 'B01: the client key opens, others do not'],
  allow_unauthenticated: [compile, '%j opens every address'],
  models_require_auth: plain,
  trusted_proxies: plain,
  max_body_size: plain,
  upstream_default_key: backendKeys,
  reuse_gateway_key: backendKeys,
  'backends[].name': [compile, 'two backends of one name refuse the configuration'],
  'backends[].url': [compile, 'the path of $url is kept without its last slash'],
  'backends[].api_key': backendKeys,
  'backends[].protocol': [plans, 'the same model of a backend over two protocols is two routes'],
  'backends[].enabled': [plans, 'B17: routes of a switched-off backend are left out and noted'],
  'backends[].weight': [plans, 'the weight of a candidate is that of its route times that of its backend'],
  'backends[].headers': handedOn,
  'backends[].auth_mode': handedOn,
  'backends[].timeout.connect': limits,
  'backends[].timeout.write': [load, 'every time limit of a backend is its own'],
  'backends[].timeout.first_byte': [load, 'every time limit of a backend is its own'],
  'backends[].timeout.idle': [load, 'every time limit of a backend is its own'],
  'backends[].timeout.total': limits,
  'backends[].api_version': handedOn,
  'backends[].tls_verify': handedOn,
  'models.<name>.enabled': [plans, 'B18: a switched-off alias is served through its fallbacks and hidden from lists'],
  'models.<name>.routes[].backend': [plans, 'N110: a route to a backend that does not exist refuses the configuration'],
  'models.<name>.routes[].model': ['road/fallback.test.ts', 'B10, B11, B12: fallback aliases are asked in order'],
  'models.<name>.routes[].priority': [plans, 'B07 B08 B16 N112: tiers stand by priority, smaller numbers first'],
  'models.<name>.routes[].weight': [plans, 'the weight of a candidate is that of its route times that of its backend'],
  'models.<name>.routes[].enabled': [plans, 'B19: a switched-off route is left out without a word'],
  'models.<name>.routes[].protocol': [plans, 'the same model of a backend over two protocols is two routes'],
  'fallback.cooldown_seconds': rests,
  'fallback.max_retries': ['road/fallback.test.ts', 'B26: max_retries counts attempts'],
  'fallback.alias_fallback': ['road/fallback.test.ts', 'B10, B11, B12: fallback aliases are asked in order'],
  'fallback.cooldown_on': rests,
  'fallback.when_all_cooling': rests,
  'fallback.deadline': rests,
  'fallback.respect_retry_after': rests,
  'fallback.retry_after_max': rests,
  'retry.max_retries': retry,
  'retry.base_delay': retry,
  'retry.max_delay': retry,
  'retry.multiplier': retry,
  'retry.jitter': retry,
  'retry.on_status': retry,
  'circuit_breaker.enabled': breaker,
  'circuit_breaker.failure_threshold': [load, 'the numbers of the circuit breaker are those of its section'],
  'circuit_breaker.open_timeout': [load, 'the numbers of the circuit breaker are those of its section'],
  'circuit_breaker.success_threshold': [load, 'the numbers of the circuit breaker are those of its section'],
  'detection.error_codes': [load, 'B28 B32: codes and patterns of the file decide what leads on'],
  'detection.error_patterns': [load, 'B28 B32: codes and patterns of the file decide what leads on'],
  'timeout.connect': [load, 'every common time limit reaches the backends'],
  'timeout.write': [load, 'every common time limit reaches the backends'],
  'timeout.first_byte': [load, 'every common time limit reaches the backends'],
  'timeout.idle': [load, 'every common time limit reaches the backends'],
  'timeout.total': limits,
  'proxy.forward_client_ip': handedOn,
  'errors.unknown_model_status': ['unit/route/resolve.test.ts', 'errors.unknown_model_status sets the status'],
  'headers.debug': plain,
  'shutdown.drain_timeout': plain,
  'logging.level': ['unit/telemetry/log.test.ts', 'B49: level, form, language, masks and file'],
  'logging.general_file': carriedOver,
  'logging.separate_files': carriedOver,
  'logging.request_dir': carriedOver,
  'logging.error_dir': carriedOver,
  'logging.mask_sensitive': ['unit/telemetry/log.test.ts', 'B62: with mask_sensitive off, keys are raw'],
  'logging.enable_metrics': carriedOver,
  'logging.max_file_size_mb': carriedOver,
  'logging.format': carriedOver,
  'logging.language': carriedOver,
  'logging.categories.request_body.level': carriedOver,
  'logging.categories.request_body.path': carriedOver,
  'logging.categories.request_body.include_body': carriedOver,
  'logging.categories.request_body.max_age_days': carriedOver,
}
