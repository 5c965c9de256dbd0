import type { IncomingResponse } from '#ports/transport.ts'
import { reject, type Asked, type Translation } from '#translate/asked.ts'
import { callFor } from '#translate/backend-call.ts'
import { bodyAnswer, localAnswer } from '#translate/body-answer.ts'
import { bodyOf, factsOf, readBy, requestTo } from '#translate/client-request.ts'
import type { BackendCodec, BackendRequest } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { ErrorMeans } from '#translate/error-answer.ts'
import { Notes } from '#translate/notes.ts'
import { plainRequest } from '#translate/plain-request.ts'
import { knownCodecs } from '#translate/registry.ts'
import { estimateTokens } from '#translate/token-estimate.ts'
import type { TranslateOther } from '#translate/translate.ts'
import { countForms, countsItself } from './forms.ts'

/** How many tokens a request has: as the backend counts them, or, where it does not, by our own estimate. */
export const translateCount: TranslateOther = async (asked, means) => {
  const { call, talk, policy, requestId, form, carrier } = asked
  const codecs = means.codecs ?? knownCodecs
  const told = countForms.get(talk.form)
  const client = await codecs.client(talk.form)
  if (told === undefined || client === undefined) return reject(`tokens cannot be counted for ${talk.form}`)
  const body = bodyOf(call)
  if (body === undefined) return reject('the body is no JSON object')
  const notes = new Notes(policy.mode)
  const facts = { ...factsOf(asked, means.recall), stream: false }
  const request = readBy(client, told.requestIn(body), facts, asked, notes)
  if (notes.rejection !== undefined) return notes.rejection
  const estimate = estimateTokens(request)
  const common = { form: talk.form, requestId, notes }
  const estimated = (): IncomingResponse =>
    localAnswer(told.write(estimate), { ...common, nowWallMs: means.clock.wallMs() })
  const asks = countForms.get(form)
  const backend = asks !== undefined && countsItself(asked) ? await codecs.backend(form) : undefined
  const sent = asks && backend && written(backend, request, asked, estimate)
  if (asks === undefined || backend === undefined || sent === undefined) {
    return {
      call: callFor(asked, plainRequest, 'sse'),
      local: estimated(),
      answer: (response) => response,
      warnings: notes,
    }
  }
  const counting = asks.asking(sent, asked)
  const carried = carrier === undefined ? counting : carrier.request(counting, asked.model, call.headers)
  return {
    call: callFor(asked, carried, 'sse'),
    answer: (response) => {
      if (lacking.has(response.status)) {
        response.body.cancel()
        return estimated()
      }
      const errors: ErrorMeans = { ...common, backend, nowWallMs: means.clock.wallMs() }
      return bodyAnswer(response, errors, (answered) => {
        const count = asks.read(carrier?.body?.(answered) ?? answered)
        return count === undefined ? 'its answer has no count of tokens' : told.write(count)
      })
    },
    warnings: notes,
  } satisfies Translation
}

/** Statuses of backends that have the form, and do not count in it. */
const lacking: ReadonlySet<number> = new Set([404, 405, 501])

/** The request as it would be sent; undefined where it could not be. It is no reason to refuse to count. */
function written(
  backend: BackendCodec,
  request: CommonRequest,
  { carrier: _carrier, ...asked }: Asked,
  estimate: number,
): BackendRequest | undefined {
  const notes = new Notes()
  const sent = requestTo(backend, request, asked, estimate, notes)
  return notes.rejection === undefined ? sent : undefined
}
