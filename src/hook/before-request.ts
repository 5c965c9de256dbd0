import type { Call } from '#core/call.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { encode } from '#kit/bytes.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { withoutModelsPrefix } from '#wire/model-path.ts'
import { peekJson } from '#wire/peek.ts'
import { renamed } from '#wire/rename.ts'
import { streamWish } from '#wire/stream-wish.ts'
import type { HookFault } from './book.ts'
import { writtenBody } from './exact-body.ts'
import type { Hook, HookAnswer, HookAsker, HookPorts } from './hook.ts'
import { hasJsonBody, RequestContext } from './request-context.ts'
import { readResult, type RequestResult } from './request-result.ts'
import { callHook, Misfit, type Patience } from './run.ts'
import { callWebhook } from './webhook.ts'

/** The call as these hooks want it, one after the other; or their no, or their answer. */
export async function askBefore(
  hooks: readonly Hook[],
  ports: HookPorts,
  asked: Call,
  asker: HookAsker,
): Promise<Call | Refusal | HookAnswer> {
  const book = ports.hooks
  if (book === undefined) return asked
  let call = asked
  for (const hook of hooks) {
    if (hook.isFor?.(call.model) === false) continue
    const current = call
    const called = await callHook(
      hook,
      book,
      ports,
      asker.requestId,
      (patience) => actOf(hook, ports, new RequestContext(current, asker, patience), patience),
      (given) => {
        const result = readResult(given)
        return result === undefined ? undefined : { result, call: changed(current, result) }
      },
    )
    if (called.kind === 'fault') {
      if (hook.refuses) return faultRefusal(called)
      continue
    }
    if (called.value === undefined) continue
    const { refuse: no, answer } = called.value.result
    if (no !== undefined) return refusalOf(no)
    if (answer !== undefined) return answer
    call = called.value.call
  }
  return call
}

function actOf({ target, ...hook }: Hook, ports: HookPorts, context: RequestContext, patience: Patience): unknown {
  if (target.kind === 'function') return target.run(context)
  const told = { payload: context.toJSON(), requestId: context.requestId, wantsAnswer: true }
  return callWebhook({ ...hook, target }, target, ports, told, patience)
}

function refusalOf({ status, message, code }: NonNullable<RequestResult['refuse']>): Refusal {
  return refuse('refused_by_hook', message, { status, ...(code !== undefined && { ownCode: code }) })
}

/** What is wrong with it is the operator's to know, and in the log. */
function faultRefusal({ why }: HookFault): Refusal {
  if (why === 'timeout') {
    return refuse('hook_timeout', 'Cannot answer the request: a hook of the gateway did not end in time')
  }
  return refuse('hook_failed', 'Cannot answer the request: a hook of the gateway failed')
}

function changed(call: Call, { body, model, add = [], remove = [] }: RequestResult): Call {
  let next = body === undefined ? call : withBody(call, body)
  if (model !== undefined && model !== next.model) {
    const named = renamed(next, model)
    if (named === next) throw new Misfit('it gave a "model" to a request that names none, or one that is no name')
    next = named
  }
  if (remove.length > 0) {
    const headers = new Headers(next.headers)
    for (const name of remove) headers.delete(name)
    next = { ...next, headers }
  }
  if (add.length === 0 && remove.length === 0) return next
  const gone = new Set([...remove, ...add.map(([name]) => name.toLowerCase())])
  const kept = (next.rules?.headers ?? []).filter(([name]) => !gone.has(name.toLowerCase()))
  return { ...next, rules: { changeAnswer: next.rules?.changeAnswer, headers: [...kept, ...add] } }
}

/** With another body, which is read like one that a client sent. */
function withBody(call: Call, given: JsonObject): Call {
  const { endpoint } = call
  if (call.upload !== undefined || !hasJsonBody(call))
    throw new Misfit('it gave a "body" to a request whose body is not JSON')
  const body = encode(writtenBody(given, call.body))
  if (endpoint.reads === 'path') return { ...call, body }
  if (endpoint.reads === 'nothing') return { ...call, body, stream: streamWish(body) ?? call.stream }
  const seen = peekJson(body)
  if (isRefusal(seen)) throw new Misfit(`it gave a "body" that cannot be sent: ${seen.message}`)
  const model = endpoint.dialect === 'gemini' ? withoutModelsPrefix(seen.model) : seen.model
  const stream = seen.stream || (endpoint.streamsByDefault === true && !seen.hasStreamWish)
  return { ...call, body, model, modelAt: seen.modelAt, stream }
}
