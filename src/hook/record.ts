import type { Attempt, Exchange } from '#core/exchange.ts'

/** What `afterRequest` is told: the account of one request, made anew for each hook. */
export function recordOf(exchange: Exchange): object {
  const { startedMs, endedMs = startedMs, firstByteMs, refusal, usage, attempts } = exchange
  const last = attempts.at(-1)
  return {
    requestId: exchange.id,
    caller: exchange.caller,
    method: exchange.method,
    path: exchange.path,
    model: exchange.alias,
    stream: exchange.stream,
    status: exchange.status,
    outcome: exchange.outcome,
    error:
      refusal === undefined
        ? exchange.brokenBy === undefined
          ? undefined
          : { code: exchange.outcome, message: exchange.brokenBy }
        : { code: refusal.ownCode ?? refusal.code, message: refusal.message },
    backend: last?.backend,
    upstreamModel: last?.model,
    startedAt: new Date(exchange.startedWallMs).toISOString(),
    durationMs: endedMs - startedMs,
    firstByteMs: firstByteMs === undefined ? undefined : firstByteMs - startedMs,
    bytes: exchange.bytesOut,
    attempts: attempts.map(attemptOf),
    usage: usage === undefined ? undefined : { ...usage },
    costUsd: exchange.costUsd,
  }
}

function attemptOf({ backend, model, alias, status, durationMs, failure }: Attempt): object {
  const error = failure === undefined ? undefined : { code: failure.reason, message: failure.message }
  return { backend, model, alias, status: failure?.status ?? status, durationMs, error }
}

/** What `onError` is told of one request: its attempts that failed, then what became of it. */
export function errorsOf(exchange: Exchange): readonly object[] {
  const { id: requestId, caller, alias: model, path, attempts, refusal, outcome } = exchange
  const common = { requestId, caller, path, model }
  const errors: object[] = []
  for (const [index, { backend, model: upstreamModel, status, failure }] of attempts.entries()) {
    if (failure === undefined) continue
    const { reason: code, message } = failure
    const told = { code, attempt: index + 1, backend, upstreamModel, status: failure.status ?? status, message }
    errors.push({ kind: 'attempt', ...common, ...told })
  }
  const attempt = attempts.length
  if (refusal !== undefined) {
    const { code, ownCode, status, message } = refusal
    errors.push({ kind: 'refusal', ...common, code: ownCode ?? code, attempt, status, message })
  } else if (outcome === 'upstream_broke' || outcome === 'stalled') {
    const last = attempts.at(-1)
    const from = { backend: last?.backend, upstreamModel: last?.model }
    const message = exchange.brokenBy ?? 'the stream broke'
    errors.push({ kind: 'stream', ...common, code: outcome, attempt, ...from, status: exchange.status, message })
  }
  return errors
}
