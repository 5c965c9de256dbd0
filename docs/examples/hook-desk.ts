import type { AfterRequest, BeforeRequest, OnError, OnStreamChunk } from './hook.d.ts'

/** Sends short questions to a cheaper alias, and refuses what nobody may ask. */
export const beforeRequest: BeforeRequest = ({ model, body, headers }) => {
  const text = JSON.stringify(body ?? null)
  if (text.includes('launch code'))
    return { refuse: { status: 403, message: 'Cannot talk about that', code: 'off_limits' } }
  const team = headers['x-team'] ?? 'nobody'
  if (model === 'smart' && text.length < 200) return { model: 'cheap', headers: { add: { 'x-team': team } } }
  return undefined
}

// Whatever is written to the console stands beside the gateway's own lines.
/* oxlint-disable no-console */

/** A line for the accounts of the desk. */
export const afterRequest: AfterRequest = ({ requestId, model, status, durationMs, costUsd }) => {
  console.log(JSON.stringify({ desk: requestId, model, status, durationMs, costUsd }))
}

/** Who is called when a backend fails. */
export const onError: OnError = ({ kind, code, attempt, backend }) => {
  if (kind === 'attempt') console.error(`desk: attempt ${attempt} at ${backend}: ${code}`)
}

/** Hides numbers of accounts that stand within one event. */
export const onStreamChunk: OnStreamChunk = ({ data }) => {
  const hidden = data.replaceAll(/\bACC-\d{6}\b/g, 'ACC-******')
  return hidden === data ? undefined : hidden
}
