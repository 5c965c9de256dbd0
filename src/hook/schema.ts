import * as v from 'valibot'
import { durationSchema } from '#kit/quantity-schema.ts'

/** Limit: the shortest secret that signs anything; a shorter one could be guessed. */
const secretLengthMin = 16

/** Limit: hooks of one point. */
const hooksMax = 100

const headerName = v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected a header name'))

const headerValue = v.pipe(
  v.string(),
  v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'expected a header value of Latin-1 without line breaks'),
)

const file = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4096),
  v.description(
    'TypeScript or JavaScript with the function; it runs inside the gateway. A relative path starts at the folder of the configuration.',
  ),
)

const ofFile = {
  file: v.optional(file),
  export: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z_$][\w$]{0,127}$/, 'expected the name of an export'),
      v.description(
        'The export that is the function. Absent: `beforeRequest`, `afterRequest`, `onError` or `onStreamChunk`, by its point.',
      ),
    ),
  ),
  models: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(512))),
      v.minLength(1),
      v.maxLength(1000),
      v.description('Only requests for these aliases; `*` stands for any characters. Absent: all requests.'),
    ),
  ),
}

const ofAddress = {
  url: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4096),
      v.check(isWebAddress, 'expected an address such as "https://host/path"'),
      v.description('In place of a file: an address that is sent what the function would get, as JSON by POST.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
  headers: v.optional(
    v.pipe(
      v.record(headerName, headerValue),
      v.description('Headers of that request, such as an authorization.'),
      v.metadata({ 'x-secret': true }),
    ),
    {},
  ),
  secret: v.optional(
    v.pipe(
      v.string(),
      v.minLength(secretLengthMin, `expected at least ${secretLengthMin} characters`),
      v.maxLength(4096),
      v.description('Signs that request: `x-llm-proxy-signature` is `t=<seconds>,v1=<HMAC-SHA256 of "seconds.body">`.'),
      v.metadata({ 'x-secret': true }),
    ),
  ),
}

const onFailure = {
  on_failure: v.optional(
    v.pipe(
      v.picklist(['skip', 'refuse']),
      v.description(
        'When it fails, takes too long, or rests. skip: the request goes on without it. refuse: the request ends with an error.',
      ),
    ),
    'skip',
  ),
}

function timeout(about: string, max: number) {
  return durationSchema(about, { min: 1, max })
}

function concurrency(about: string) {
  return v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000), v.description(about))
}

const atATime = 'Calls of it at a time; more wait.'

const BeforeSchema = v.pipe(
  v.strictObject({
    ...ofFile,
    ...ofAddress,
    timeout: v.optional(timeout('Longest wait for what it says, waiting for its turn included.', 60_000), '1s'),
    ...onFailure,
    concurrency: v.optional(concurrency(atATime), 100),
  }),
  v.check((entry) => isOneOfTwo(entry), 'expected either "file" or "url"'),
)

const TellSchema = v.pipe(
  v.strictObject({
    ...ofFile,
    ...ofAddress,
    timeout: v.optional(timeout('Longest time that one call of it may take; nobody waits for it.', 300_000), '10s'),
    concurrency: v.optional(concurrency(atATime), 4),
  }),
  v.check((entry) => isOneOfTwo(entry), 'expected either "file" or "url"'),
)

const ChunkSchema = v.strictObject({
  ...ofFile,
  file,
  timeout: v.optional(timeout('Longest wait for what it makes of one event.', 60_000), '1s'),
  ...onFailure,
})

/** The `hooks` section: steps of the operator's own, in functions or behind addresses. */
export const HooksSchema = v.strictObject({
  before_request: v.optional(
    v.pipe(
      v.array(BeforeSchema),
      v.maxLength(hooksMax),
      v.description('Before a request is routed: may change it, refuse it or answer it. One after the other.'),
    ),
    [],
  ),
  after_request: v.optional(
    v.pipe(
      v.array(TellSchema),
      v.maxLength(hooksMax),
      v.description('After a request, at the end of a stream: is told what became of it, once.'),
    ),
    [],
  ),
  on_error: v.optional(
    v.pipe(
      v.array(TellSchema),
      v.maxLength(hooksMax),
      v.description('After a request: is told each attempt that failed, a refusal, and a stream that broke.'),
    ),
    [],
  ),
  on_stream_chunk: v.optional(
    v.pipe(
      v.array(ChunkSchema),
      v.maxLength(hooksMax),
      v.description('For each event of a stream, on its way to the client: may change it or leave it out.'),
    ),
    [],
  ),
})

export type HookSettings = v.InferOutput<typeof HooksSchema>

function isWebAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

function isOneOfTwo({ file: path, url }: { readonly file?: string | undefined; readonly url?: string | undefined }) {
  return (path === undefined) !== (url === undefined)
}
