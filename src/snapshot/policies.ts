import type { CompatPolicy } from '#core/compat.ts'
import type { BreakerPolicy, OutlierPolicy, Plan, StreamPolicy } from '#core/plan.ts'
import type { Config } from '#config/schema.ts'
import { compileDetection, compileStatuses, type Compiled } from '#upstream/detect.ts'

/** What every plan of a snapshot shares: how to fail over, when to rest, when to try again. */
export type Policies = Omit<Plan, 'alias' | 'tiers'>

export function compilePolicies(config: Config): Compiled<Policies> {
  const { fallback, retry } = config
  const detection = compileDetection(config.detection.error_codes, config.detection.error_patterns)
  const cools = compileStatuses(fallback.cooldown_on, ['fallback', 'cooldown_on'])
  const retries = compileStatuses(retry.on_status, ['retry', 'on_status'])
  const problems = [...detection.problems, ...cools.problems, ...retries.problems]
  if (retry.base_delay > retry.max_delay) {
    const message = 'the first pause is longer than "retry.max_delay" and is cut to it'
    problems.push({ severity: 'warning', path: ['retry', 'base_delay'], message })
  }
  if (config.streaming.json_keepalive && config.streaming.heartbeat === 0) {
    const message = 'does nothing while "streaming.heartbeat" is 0'
    problems.push({ severity: 'warning', path: ['streaming', 'json_keepalive'], message })
  }
  const value: Policies = {
    attemptsMax: fallback.max_retries === 0 ? Infinity : fallback.max_retries,
    deadlineMs: fallback.deadline,
    whenAllCooling: fallback.when_all_cooling,
    detection: detection.value,
    cooldown: {
      cooldownMs: fallback.cooldown_seconds * 1000,
      retryAfterMsMax: fallback.retry_after_max,
      respectRetryAfter: fallback.respect_retry_after,
      cools: cools.value,
    },
    breaker: breakerOf(config.circuit_breaker),
    outlier: outlierOf(config.outlier_detection),
    failsOpen: config.load_balancing.fail_open,
    slowStartMs: config.load_balancing.slow_start,
    retry: {
      retriesMax: retry.max_retries,
      baseMs: retry.base_delay,
      delayMsMax: retry.max_delay,
      multiplier: retry.multiplier,
      jitter: retry.jitter,
      retriesStatus: retries.value,
    },
    streaming: streamPolicyOf(config.streaming, {}),
    compat: compatOf(config.compat),
  }
  return { value, problems }
}

function compatOf(settings: Config['compat']): CompatPolicy | undefined {
  if (!settings.translate) return undefined
  return {
    mode: settings.mode,
    prefersNative: settings.prefer_native,
    inlineSystem: settings.inline_system,
    repairsHistory: settings.repair_history,
    autoCache: settings.auto_cache,
    forwardsIdentity: settings.forward_identity,
    chatReasoning: settings.chat_reasoning,
    hostedTools: settings.hosted_tools,
    fetchesMedia: settings.media_fetch === 'when_needed',
    fansOutAnswers: settings.n === 'fanout',
    normalizesVectors: settings.normalize_embeddings,
    dropsLoneSources: !settings.citations,
    keepsOneCall: settings.enforce_single_tool_call,
    hidesUnaskedThoughts: !settings.responses_reasoning_text,
    rejectsMissingThoughts: settings.missing_item_reference === 'refuse',
  }
}

function breakerOf(settings: Config['circuit_breaker']): BreakerPolicy | undefined {
  if (settings === undefined || !settings.enabled) return undefined
  return {
    failureThreshold: settings.failure_threshold,
    openMs: settings.open_timeout,
    openMsMax: settings.max_open_timeout,
    successThreshold: settings.success_threshold,
    outPercentMax: settings.max_ejection_percent,
  }
}

function outlierOf(settings: Config['outlier_detection']): OutlierPolicy | undefined {
  if (settings === undefined || !settings.enabled) return undefined
  return {
    windowMs: settings.interval,
    requestsMin: settings.min_requests,
    failurePercent: settings.failure_percent,
    ejectionMs: settings.ejection_time,
    ejectionMsMax: settings.max_ejection_time,
    outPercentMax: settings.max_ejection_percent,
  }
}

/** What an alias says about its streams wins over the whole file. */
export function streamPolicyOf(common: Config['streaming'], own: Config['models'][string]['streaming']): StreamPolicy {
  return {
    heartbeatMs: own.heartbeat ?? common.heartbeat,
    jsonKeepAlive: own.json_keepalive ?? common.json_keepalive,
    rescue: own.rescue ?? common.rescue,
    holds: own.hold ?? common.hold,
    onDisconnect: own.on_disconnect ?? common.on_disconnect,
    clientStallMs: own.client_timeout ?? common.client_timeout,
  }
}
