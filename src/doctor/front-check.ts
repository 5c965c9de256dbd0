import { isLoopback } from '#upstream/direct-hosts.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { ask, type AskPorts, type Reply } from './ask.ts'
import { fail, ok, warn, type Finding } from './finding.ts'
import { versionOf, type Door } from './listener-check.ts'
import { reach, type ReachPorts } from './reach.ts'

/** What is asked of a running gateway, as its clients see it. */
export interface FrontDoor extends Door {
  /** Somebody named it; else it is the address on this machine. */
  readonly isGiven: boolean
  /** Path of the admin pages. */
  readonly adminPath: string
  /** The admin pages have an address of their own and cannot be seen here. */
  readonly isAdminElsewhere: boolean
  readonly adminKey: string | undefined
}

/** Does a gateway answer there, and do its streams come as they are sent? */
export async function checkFront(ports: AskPorts & ReachPorts, door: FrontDoor): Promise<readonly Finding[]> {
  const { url, link, isGiven } = door
  const way = isGiven ? await reach(ports, { url, link, urlKey: '--url' }) : { findings: [], isOpen: true }
  if (!way.isOpen) return way.findings
  const health = await ask(ports, requestTo(door, '/health', []))
  const judged = judgeHealth(health)
  if (judged.level === 'fail') return [...way.findings, judged]
  return [...way.findings, judged, await checkStreams(ports, door)]
}

function judgeHealth(reply: Awaited<ReturnType<typeof ask>>): Finding {
  const todo = 'let the proxy in front pass "/health" and the paths of clients on to llm-proxy as they are'
  if (reply.kind === 'transport_failure') return fail(`/health was not answered: ${reply.message}`, todo)
  const version = versionOf(reply)
  if (version !== undefined) return ok(`llm-proxy ${version} answers`)
  return fail(`/health was answered with status ${reply.status}, and not by llm-proxy`, todo)
}

async function checkStreams(ports: AskPorts, door: FrontDoor): Promise<Finding> {
  const { url, link, adminKey, adminPath, isAdminElsewhere } = door
  const untested = 'it was not tested whether streams come through unbuffered'
  if (isAdminElsewhere) return warn(`${untested}: the admin pages are at "admin.listen"`, 'test by hand with "curl -N"')
  if (adminKey === undefined) return warn(`${untested}: there are no admin pages`, 'set "admin.key"')
  if (url.protocol === 'http:' && link.unixPath === undefined && !isLoopback(url)) {
    return warn(
      `${untested}: the admin key is not sent over http://`,
      'name an https:// address, or one of this machine',
    )
  }
  const headers: readonly HeaderPair[] = [
    ['Accept', 'text/event-stream'],
    // A proxy that compresses must be offered something to compress with.
    ['Accept-Encoding', 'gzip'],
    ['Authorization', `Bearer ${adminKey}`],
  ]
  const reply = await ask(ports, requestTo(door, `${adminPath}/sse-probe`, headers))
  if (reply.kind === 'transport_failure') return fail(`a stream was not answered: ${reply.message}`, lookAtProxy)
  return reply.status === 200 ? judgeStream(reply) : judgeRefusal(reply, untested)
}

function judgeRefusal({ status }: Reply, untested: string): Finding {
  if (status === 401)
    return warn(
      `${untested}: the admin key is not accepted`,
      'set LLM_PROXY_ADMIN_KEY to the one of the running gateway',
    )
  if (status === 403 || status === 404) {
    const todo =
      'set "admin.key": without it, admin pages are for this machine only; and let the proxy in front pass them on'
    return warn(`${untested}: the admin pages are not to be had there (status ${status})`, todo)
  }
  return warn(`${untested}: status ${status}`, lookAtProxy)
}

/** The probe sends five events, a fifth of a second apart. */
const eventsSent = 5
const spanMs = 800

function judgeStream({ text, pieceTimesMs, brokenBy, headers }: Reply): Finding {
  const events = text.split(/\r\n|[\r\n]/).filter((line) => line.startsWith('data:')).length
  const tookMs = (pieceTimesMs.at(-1) ?? 0) - (pieceTimesMs[0] ?? 0)
  const encoding = headers.get('content-encoding')
  if (brokenBy !== undefined || events < eventsSent) {
    const todo = 'raise the time limits of the proxy in front (nginx: "proxy_read_timeout 3600s")'
    const why = brokenBy === undefined ? '' : `: ${brokenBy}`
    return fail(`a stream was cut after ${events} of ${eventsSent} events${why}`, todo)
  }
  if (tookMs < spanMs / 2) {
    const todo =
      'switch buffering off in the proxy in front (nginx: "proxy_buffering off", Cloudflare and CDNs: no caching of these paths)'
    return fail('streams are buffered on their way: all events came at once, at the end', todo)
  }
  if (encoding !== null && encoding !== 'identity') {
    const todo = 'leave text/event-stream out of what is compressed: it holds events back'
    return warn(`streams are compressed on their way (${encoding})`, todo)
  }
  return ok(`streams come through as they are sent (${events} events in ${Math.round(tookMs)} ms)`)
}

const lookAtProxy = 'look at the log of the proxy in front'

function requestTo({ url, link }: Door, path: string, headers: readonly HeaderPair[]): Parameters<typeof ask>[1] {
  const target = new URL(url)
  target.pathname = target.pathname.replace(/\/+$/, '') + path
  target.search = ''
  target.hash = ''
  return { method: 'GET', url: target, headers, body: undefined, link }
}
