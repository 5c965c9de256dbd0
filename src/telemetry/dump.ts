import type { Attempt, Exchange, SeenMessage } from '#core/exchange.ts'
import { printable } from '#kit/printable.ts'
import { bodyText } from './body-text.ts'
import type { KeptExchange } from './kept.ts'
import type { ProgramLog } from './log.ts'
import type { Masker } from './mask.ts'
import type { DumpPolicy } from './policy.ts'
import { headerLines } from './record.ts'
import { requestDiff } from './request-diff.ts'
import { plainPath } from './rotate.ts'

/**
 * Keeps the messages of an exchange as they stood on the wire: `<directory>/<day>/<request id>/client_request.httpdump` and
 * its siblings, and what changed between the client's request and ours in `request_diff.json`.
 */
export function keepDump(log: ProgramLog, policy: DumpPolicy, kept: KeptExchange, masker: Masker | undefined): void {
  const { exchange, weight } = kept
  const folder = `${dumpsDirectory(policy)}/${log.day()}/${fileNameOf(exchange)}`
  const show = (message: SeenMessage): Shown => ({ message, withBody: policy.includeBody, masker })
  const keep = (name: string, render: () => string): void => log.keepFile(`${folder}/${name}`, weight, render)

  const { seen } = exchange
  if (seen !== undefined)
    keep('client_request.httpdump', () => dump(`${seen.method} ${seen.target} HTTP/1.1`, show(seen)))
  for (const [index, attempt] of exchange.attempts.entries()) {
    const { sent, received } = attempt
    // The last attempt has the plain name: it is the one that the client's answer came from.
    const suffix = index === exchange.attempts.length - 1 ? '' : `.attempt${index + 1}`
    if (sent !== undefined) {
      const startLine = `${seen?.method ?? exchange.method} ${attempt.url} HTTP/1.1`
      keep(`upstream_request${suffix}.httpdump`, () => dump(startLine, show(sent)))
    }
    const answer = received ?? heldAnswer(attempt)
    if (answer !== undefined) {
      keep(`upstream_response${suffix}.httpdump`, () => dump(`HTTP/1.1 ${attempt.status ?? 0}`, show(answer)))
    }
  }
  const answered = answeredOf(exchange)
  if (answered !== undefined)
    keep('client_response.httpdump', () => dump(`HTTP/1.1 ${exchange.status}`, show(answered)))
  const sentLast = exchange.attempts.at(-1)?.sent?.body
  if (policy.includeBody && sentLast !== undefined) {
    keep('request_diff.json', () => `${JSON.stringify(requestDiff(seen?.body, sentLast, masker), undefined, 2)}\n`)
  }
}

/**
 * What the files of an exchange are called, or their folder: clients may give several requests the same id, and none may
 * overwrite what another one left; and an id may be a name that some system keeps for itself, such as `nul`.
 */
export function fileNameOf({ id, seed }: Pick<Exchange, 'id' | 'seed'>): string {
  return /^req_[0-9a-f]+$/.test(id) ? id : `${id}~${seed.toString(16)}`
}

/** The folder of the day folders; a `{date}` in it would be one day too many. */
export function dumpsDirectory(policy: DumpPolicy): string {
  return plainPath(policy.directory, '')
}

interface Shown {
  readonly message: SeenMessage
  readonly withBody: boolean
  readonly masker: Masker | undefined
}

function dump(startLine: string, { message, withBody, masker }: Shown): string {
  const head = [printable(masker === undefined ? startLine : masker.mask(startLine)), ...headerLines(message, masker)]
  return `${head.join('\n')}\n\n${withBody ? bodyText(message.body, masker) : ''}\n`
}

/** The answer of an attempt that was given up after it was read to its end. */
function heldAnswer({ failure }: Attempt): SeenMessage | undefined {
  return failure?.held === undefined ? undefined : { headers: [...failure.held.headers], body: failure.held.body }
}

function answeredOf({ answered, attempts }: Exchange): SeenMessage | undefined {
  if (answered === undefined) return undefined
  return { headers: answered.headers, body: answered.body ?? attempts.at(-1)?.received?.body }
}
