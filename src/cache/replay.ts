import type { Call } from '#core/call.ts'
import type { CompatPolicy } from '#core/compat.ts'
import { isRefusal } from '#core/refusal.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { Clock } from '#ports/clock.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { RandomIds } from '#translate/id-source.ts'
import { isRejection } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { translate } from '#translate/translate.ts'
import type { Entry } from './entry.ts'
import { idIn, modelIn, retell } from './retell.ts'
import { withUsage } from './usage-wish.ts'

/** What an answer is told with that is a stream and is wanted whole, or the other way round. */
export interface Replayed {
  readonly contentType: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Nothing of an answer is held back from the client whose form it has already. */
const policy: CompatPolicy = {
  mode: 'lenient',
  prefersNative: true,
  inlineSystem: 'user_tagged',
  repairsHistory: false,
  autoCache: false,
  forwardsIdentity: true,
  chatReasoning: 'both',
  hostedTools: 'drop',
  fetchesMedia: false,
  fansOutAnswers: false,
}

const ids = new RandomIds()

/**
 * The answer in the framing that a call wants, read as the backend's and written as the client's; undefined where that
 * cannot be done, so that somebody has to be asked.
 */
export async function replay(entry: Entry, call: Call, requestId: string, clock: Clock): Promise<Replayed | undefined> {
  const { talk } = call.endpoint
  if (talk === undefined || talk.does !== 'generate') return undefined
  const { form } = talk
  try {
    const text = asBuffer(entry.bytes).toString('utf8')
    const isBody = entry.kind === 'body'
    const told = isBody === call.stream ? retell(form, text, isBody) : undefined
    if (told !== undefined) return { contentType: typeOf(form, call.stream), bytes: encode(told) }
    const own = profileOf(form, protocolOf(form), call.model)
    // As the answer names it, which may be another name than the client's.
    const named = { ...call, model: modelIn(text) ?? call.model }
    // Whoever asked for several answers at once was given them at once.
    const profile = { ...own, takesN: true, reasoning: { ...own.reasoning, hasTags: false } }
    const asked = {
      call: named,
      talk,
      form,
      model: named.model,
      backend: 'cache',
      protocol: protocolOf(form),
      profile,
      policy,
      requestId,
    }
    const translation = await translate(asked, { ids, clock })
    if (isRejection(translation) || isRefusal(translation) || translation.parts !== undefined) return undefined
    const answer = translation.answer({
      kind: 'response',
      status: 200,
      headers: new HeaderList([['content-type', entry.contentType]]),
      sentMs: undefined,
      body: new WholeBody(entry.bytes),
    })
    const { whole } = answer.body
    const contentType = answer.headers.get('content-type')
    if (whole === undefined || whole.byteLength === 0 || contentType === null) return undefined
    const bytes = concat([whole])
    return { contentType, bytes: form === 'chat' && !call.stream ? withUsage(bytes, entry, idIn(text)) : bytes }
  } catch {
    // A fault of ours with these bytes: they can be asked for once more.
    return undefined
  }
}

function protocolOf(form: string): 'openai' | 'anthropic' | 'gemini' | 'ollama' {
  if (form === 'messages') return 'anthropic'
  return form === 'gemini' || form === 'ollama' ? form : 'openai'
}

function typeOf(form: string, stream: boolean): string {
  if (!stream) return 'application/json'
  return form === 'ollama' ? 'application/x-ndjson' : 'text/event-stream; charset=utf-8'
}
