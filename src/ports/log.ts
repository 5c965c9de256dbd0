/**
 * Where facts about the program go. Callers name an event and its fields; wording, language, masking and files are
 * the business of `telemetry/`.
 */
export interface Log {
  write(level: Level, event: EventName, fields?: LogFields): void
  /** True when a record of this level would be kept; guard for fields that cost something to gather. */
  keeps(level: Level): boolean
}

/** error: someone must act. warn: something was refused or failed over. info: business. debug: decisions. */
export type Level = 'error' | 'warn' | 'info' | 'debug'

/** `requestId` is printed as the line's `[req_…]`; every other field is part of the message or of the JSON object. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Every event that the program can tell. Wordings: `telemetry/messages.ts`. */
export type EventName =
  | 'server_started' // version, address, portFrom, hostFrom
  | 'admin_started' // address
  | 'metrics_started' // address
  | 'config_loaded' // file, backends, aliases, services, credentials
  | 'health_checked' // backends, everyMs
  | 'config_problem' // place, path, problem, severity
  | 'config_reloaded' // version, changes
  | 'config_unchanged' // file
  | 'config_rejected' // file, problems, first
  | 'config_unreadable' // file, reason
  | 'config_back' // file
  | 'tls_renewed' // name
  | 'tls_kept' // address, reason
  | 'tls_expires' // name, forMs
  | 'tls_expired' // name
  | 'restart_needed' // keys
  | 'backend_off' // backend, variable
  | 'backend_from_environment' // backend, variable
  | 'unauthenticated' // address, asked, openedBy
  | 'environment_warning' // variable
  | 'environment_trust' // variable
  | 'environment_ignored' // variable
  | 'request_limit'
  | 'request_received' // requestId, model, client, method, path, stream
  | 'request_finished' // requestId, backend, status, durationMs, …
  | 'request_failed' // requestId, status, code, reason, durationMs
  | 'request_refused' // requestId, status, code, reason, client, method, path
  | 'client_closed' // requestId, backend, durationMs
  | 'stream_broken' // requestId, backend, reason, bytes, durationMs
  | 'attempt_started' // requestId, backend, model, attempt, url
  | 'attempt_repeated' // requestId, backend, model
  | 'request_repaired' // requestId, backend, model, rule
  | 'request_translated' // requestId, backend, model, form, warnings
  | 'attempt_failed' // requestId, backend, model, reason, status, durationMs
  | 'backend_switched' // requestId, from, to, level
  | 'route_skipped' // requestId, backend, model, reason
  | 'plan_resolved' // requestId, alias, tiers, candidates
  | 'route_cooled' // backend, model, forMs, reason
  | 'circuit_opened' // backend, model, forMs
  | 'circuit_closed' // backend, model
  | 'route_ejected' // requestId, backend, model, forMs
  | 'route_readmitted' // backend, model
  | 'backend_down' // backend, reason, everyMs
  | 'backend_up' // backend, latencyMs
  | 'credential_token' // backend, credential, how (minted, fetched), forMs
  | 'credential_token_failed' // backend, credential, reason, retryMs
  | 'token_keys' // provider, keys
  | 'token_keys_failed' // provider, reason, retryMs
  | 'token_refused' // provider, reason
  | 'credential_key_read' // backend, credential, file
  | 'credential_file_failed' // backend, credential, file, reason
  | 'credential_used' // requestId, backend, credential, number, index
  | 'credential_rested' // requestId, backend, credential, status, forMs, reason
  | 'credential_switched' // requestId, backend, from, to
  | 'credentials_exhausted' // requestId, backend, client, reason
  | 'credentials_reset' // backend, credential, count
  | 'retry_waits' // requestId, backend, waitMs
  | 'metrics' // requestId, alias, state, backend, attempts, totalMs, backendMs
  | 'request_record' // requestId, text: the whole block of merged mode
  | 'log_dropped' // count
  | 'log_failed' // file, reason, dropped
  | 'log_recovered' // file
  | 'usage_file_unusable' // file, reason
  | 'budget_alert' // budget, whose, percent, usd, usdMax, tokens, tokensMax, endsAt
  | 'prices_read' // source, models
  | 'prices_failed' // source, reason
  | 'hook_failed' // requestId, hook, point, reason
  | 'hook_rests' // hook, point, forMs, failures
  | 'hook_back' // hook, point
  | 'hook_dropped' // hook, point, waiting
  | 'shutdown_started' // signal, inFlight, forMs
  | 'shutdown_finished' // inFlight
  | 'shutdown_forced' // inFlight
  | 'worker_started' // worker, of, pid, address
  | 'worker_ended' // worker, how, restartMs
  | 'worker_killed' // worker, pid
  | 'hand_over_failed' // reason
  | 'memory_short' // heldMb, limitMb
  | 'memory_enough' // heldMb, limitMb
  | 'process_stalled' // forMs, inFlight, times
  | 'limits_not_shared' // onError
  | 'limits_shared'
  | 'cache_unreachable' // store
  | 'cache_reachable' // store
  | 'cache_refuses' // store
  | 'unhandled_error' // reason, stack, times
  | 'unhandled_errors' // count, withinMs, inAll
  | 'internal_error' // requestId, reason, stack
