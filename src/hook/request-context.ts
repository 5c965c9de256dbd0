import type { Call } from '#core/call.ts'
import { parseJson } from '#kit/json-value.ts'
import { mediaTypeOf } from '#wire/stream-type.ts'
import type { HookAsker } from './hook.ts'
import type { Patience } from './run.ts'

/**
 * What `beforeRequest` is handed. Headers and body are read only when they are asked for, anew for each hook, so that
 * nothing that one does to them in place reaches another one, or the request.
 */
export class RequestContext {
  readonly requestId: string
  readonly caller: string | undefined
  readonly method: string
  readonly path: string
  readonly model: string
  readonly stream: boolean
  readonly #call: Call
  readonly #patience: Patience
  #body: { readonly value: unknown } | undefined
  #headers: Readonly<Record<string, string>> | undefined
  #abort: AbortController | undefined

  constructor(call: Call, { requestId, caller, path }: HookAsker, patience: Patience) {
    this.requestId = requestId
    this.caller = caller
    this.method = call.method
    this.path = path
    this.model = call.model
    this.stream = call.stream
    this.#call = call
    this.#patience = patience
  }

  /** Parsed JSON; undefined where there is none, or where it is sent on while it comes. */
  get body(): unknown {
    this.#body ??= { value: bodyOf(this.#call) }
    return this.#body.value
  }

  /** By name in small letters, without those that prove who asks. */
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= headersOf(this.#call.headers))
  }

  /** Aborts when the hook's time is over. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController()
      this.#abort = abort
      this.#patience.onTimeout = () => abort.abort()
    }
    return this.#abort.signal
  }

  /** For an address. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { requestId, caller, method, path, model, stream, headers, body } = this
    return { requestId, caller, method, path, model, stream, headers, body }
  }
}

/** Is its body JSON that a hook may read, and replace? */
export function hasJsonBody({ endpoint, headers }: Call): boolean {
  if (endpoint.reads === 'multipart') return false
  if (endpoint.reads !== 'nothing') return true
  const type = mediaTypeOf(headers.get('content-type') ?? '')
  return (type === 'application/json' || type.endsWith('+json')) && !headers.has('content-encoding')
}

function bodyOf(call: Call): unknown {
  return call.body === undefined || !hasJsonBody(call) ? undefined : parseJson(new TextDecoder().decode(call.body))
}

function headersOf(headers: Headers): Readonly<Record<string, string>> {
  const told: Record<string, string> = Object.create(null)
  for (const [name, value] of headers) if (!isCredential(name)) told[name] = value
  return told
}

/** Rather one too many is kept back than one too few; where clients may have a header of their own, it has such a name. */
export function isCredential(name: string): boolean {
  return (
    name !== 'idempotency-key' &&
    /(?:authorization|auth|cookie|api-?key|-key|token|secret|password|signature)$/.test(name)
  )
}
