import { anonymous } from '#core/caller.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import { shownUsd } from '#core/usage.ts'
import type { Level, LogFields } from '#ports/log.ts'
import { fileNameOf, keepDump } from './dump.ts'
import { keptExchange } from './kept.ts'
import type { ProgramLog } from './log.ts'
import type { Masker } from './mask.ts'
import { durationMsOf, reasonOf, stateOf } from './outcome.ts'
import type { RequestState } from './messages.ts'
import { keepsRequests, type LoggingPolicy } from './policy.ts'
import { renderRecord } from './record.ts'
import { plainPath } from './rotate.ts'
import { Stamps } from './stamp.ts'

/** What the sink is built from. */
export interface SinkOptions {
  readonly log: ProgramLog
  readonly policy: () => LoggingPolicy
  readonly masker: Masker
}

/** Turns settled exchanges into log lines, request files and dumps. */
export function createSink({ log, policy, masker }: SinkOptions): ExchangeSink {
  const stamps = new Stamps()
  return {
    settled(exchange) {
      const current = policy()
      tellEnd(log, exchange)
      if (current.metricsLines && exchange.attempts.length > 0 && log.keeps('info')) {
        log.write('info', 'metrics', metricsOf(exchange))
      }
      if (exchange.seen === undefined || !keepsRequests(current) || !isWorthAFile(exchange)) return
      keepRecord({ log, stamps }, current, exchange, current.maskSensitive ? masker : undefined)
    },
  }
}

/** Strangers must not be able to fill the disk: what was turned away at the door leaves a line, and no file. */
function isWorthAFile(exchange: Exchange): boolean {
  return exchange.caller !== undefined
}

function keepRecord(
  { log, stamps }: { readonly log: ProgramLog; readonly stamps: Stamps },
  policy: LoggingPolicy,
  settled: Exchange,
  masker: Masker | undefined,
): void {
  const render = (exchange: Exchange): string => {
    const startedAt = stamps.exactAt(exchange.startedWallMs, policy.zone)
    return renderRecord(exchange, startedAt, policy.language, masker)
  }
  if (policy.mergedRequests && log.keeps('debug')) {
    log.write('debug', 'request_record', {
      requestId: settled.id,
      text: render(settled).trimEnd(),
    })
  }
  if (!policy.separateFiles && policy.dumps === undefined) return
  const kept = keptExchange(settled)
  if (policy.separateFiles) {
    const hasFailed = stateOf(settled) === 'failed' || stateOf(settled) === 'broken'
    for (const directory of hasFailed ? [policy.requestDir, policy.errorDir] : [policy.requestDir]) {
      const path = `${plainPath(directory, log.day())}/${fileNameOf(settled)}.log`
      log.keepFile(path, kept.weight, () => render(kept.exchange))
    }
  }
  if (policy.dumps !== undefined) keepDump(log, policy.dumps, kept, masker)
}

/** The one line that tells how a request ended. */
function tellEnd(log: ProgramLog, exchange: Exchange): void {
  const state = stateOf(exchange)
  // What would be dropped is not gathered: asking for the client's address alone costs more than writing the line.
  if (!log.keeps(levelOf(state, exchange))) return
  const durationMs = durationMsOf(exchange)
  const last = exchange.attempts.at(-1)
  const common: LogFields = {
    requestId: exchange.id,
    backend: last?.backend,
    model: last?.model === '' ? undefined : last?.model,
    credential: last?.credential?.name,
    credentialNumber: last?.credential?.number,
    credentialIndex: last?.credential?.index,
    alias: exchange.alias,
    status: exchange.status,
    durationMs,
    attempts: exchange.attempts.length,
    client: exchange.client.address,
    caller: exchange.caller,
    user: namedCaller(exchange.caller),
    stream: exchange.stream,
    ttftMs: ttftMsOf(exchange),
    ttfbMs: exchange.firstByteMs === undefined ? undefined : Math.round(exchange.firstByteMs - exchange.startedMs),
    bytes: exchange.bytesOut,
    chunks: exchange.chunksOut,
    end: endOf(exchange),
    ...tokensOf(exchange),
    cache: exchange.cache,
    savedMs: exchange.savedMs,
    translated: last?.translation?.form,
    parts: last?.translation?.parts,
    // With what was found lost only while the answer came.
    warnings: last?.translation === undefined ? undefined : last.translation.warnings.join(', '),
    repinnedFrom: exchange.repinned?.from,
    repinnedWhy: exchange.repinned?.why,
    repinnedCachedTokens: exchange.repinned?.cachedTokens,
  }
  switch (state) {
    case 'success':
      return log.write('info', 'request_finished', common)
    case 'client_closed':
      return log.write('info', 'client_closed', { ...common, reason: exchange.brokenBy })
    case 'broken':
      return log.write('warn', 'stream_broken', { ...common, outcome: exchange.outcome, reason: reasonOf(exchange) })
    case 'failed': {
      const failure = {
        ...common,
        code: exchange.refusal?.code,
        reason: reasonOf(exchange) ?? `the backend answered ${exchange.status}`,
      }
      return log.write(levelOf(state, exchange), isTurnedAway(exchange) ? 'request_refused' : 'request_failed', failure)
    }
  }
}

/** What it took; empty where nobody counted. */
function tokensOf({ usage, costUsd }: Exchange): LogFields {
  if (usage === undefined) return nothing
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, source } = usage
  return {
    inputTokens,
    outputTokens,
    cachedTokens: cachedTokens === 0 ? undefined : cachedTokens,
    reasoningTokens: reasoningTokens === 0 ? undefined : reasoningTokens,
    estimated: source === 'estimated' ? true : undefined,
    costUsd: costUsd === undefined ? undefined : shownUsd(costUsd),
  }
}

const nothing: LogFields = {}

/** All others are one and the same, which need not stand in every line. */
function namedCaller(caller: string | undefined): string | undefined {
  return caller === 'default' || caller === anonymous.id ? undefined : caller
}

/** The first byte of a stream that the client gets belongs to its first content: nothing is sent before that is there. */
function ttftMsOf({ stream, firstByteMs, startedMs }: Exchange): number | undefined {
  return stream && firstByteMs !== undefined ? Math.round(firstByteMs - startedMs) : undefined
}

/** What ended it, in one word. */
function endOf({ outcome, attempts, refusal }: Exchange): string {
  if (outcome === 'upstream_broke') return 'remote_closed'
  if (outcome !== 'failed' && outcome !== undefined) return outcome
  const last = attempts.at(-1)
  if (last?.failure !== undefined) return last.failure.reason === 'status' ? 'error_status' : last.failure.reason
  // An error answer that was passed on as it came is a whole one.
  return last !== undefined && refusal === undefined ? 'complete' : 'failed'
}

function levelOf(state: RequestState, exchange: Exchange): Level {
  if (state === 'success' || state === 'client_closed') return 'info'
  return state === 'broken' ? 'warn' : failureLevel(exchange)
}

/** The client's doing is a warning, and so is an error answer that was passed on as it came; all else needs someone. */
function failureLevel(exchange: Exchange): Level {
  if (isTurnedAway(exchange)) return 'warn'
  const last = exchange.attempts.at(-1)
  return last !== undefined && last.failure === undefined && exchange.refusal === undefined ? 'warn' : 'error'
}

/** Refused by a rule of ours before any backend was asked, and not because no backend is left. */
function isTurnedAway(exchange: Exchange): boolean {
  const { refusal } = exchange
  if (refusal === undefined || exchange.attempts.length > 0) return false
  return refusal.status < 500 || refusal.code === 'shutting_down'
}

/** Times are told per attempt: two attempts at one backend are two entries. */
function metricsOf(exchange: Exchange): LogFields {
  const { attempts } = exchange
  return {
    requestId: exchange.id,
    alias: exchange.alias,
    state: stateOf(exchange),
    backend: attempts.at(-1)?.backend,
    attempts: attempts.length,
    totalMs: durationMsOf(exchange),
    backendMs: attempts.map(({ backend, durationMs }) => `${backend}=${Math.round(durationMs)}ms`).join(', '),
  }
}
