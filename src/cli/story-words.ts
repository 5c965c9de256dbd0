import type { Outcome } from '#core/exchange.ts'
import type { Story } from '#core/story.ts'
import type { Usage } from '#core/usage.ts'

export type Language = 'en' | 'zh'

/** How a story is told in one language. */
export interface Words {
  came(id: string, at: string, client: string | undefined): string
  asked(request: string, model: string | undefined, stream: boolean, caller: string | undefined): string
  decided(configVersion: number, seed: number): string
  passedOver(who: string, reason: string): string
  /** It left the route that it had stayed with. */
  repinned(from: string, why: string, cachedTokens: number | undefined): string
  askedRoute(who: string): string
  askedAgain(who: string): string
  askedFallback(who: string, alias: string): string
  tookOver(who: string, how: string): string
  /** What proved it, where the backend has several credentials. */
  by(credential: string, number: number, index: number): string
  readonly repeated: string
  /** `parts`: requests that it took, where one was not enough. */
  translated(form: string, warnings: readonly string[], parts?: number): string
  answered(status: number | undefined, took: string): string
  failed(took: string, message: string): string
  /** Of the attempt that a request on the road waits for. */
  waits(took: string): string
  stillRunning(took: string, attempts: number): string
  /** Nobody was asked. */
  readonly fromCache: string
  readonly firstByte: string
  heartbeats(count: number): string
  rescued(bytes: number): string
  broke(reason: string): string
  /** The tokens, and the dollars where somebody knows the price. */
  took(usage: Usage, costUsd: number | undefined): string
  ended(outcome: string, status: number, bytes: number, chunks: number): string
  readonly outcomes: Readonly<Record<Outcome, string>>
  /** What the client got. */
  readonly got: {
    whole(attempts: number, rescued: number): string
    upstreamError(status: number): string
    refused(status: number, message: string): string
    left(hadFirstByte: boolean): string
    cut(bytes: number, reason: string): string
    shutDown: string
    nothing(status: number, message: string): string
  }
  /** What to do, by the reason of a failed attempt or the code of a refusal. */
  readonly advice: Readonly<Record<string, string>>
  readonly nothingToDo: string
  failedBefore(who: string, advice: string): string
}

/** The last sentences: what the client got, and what to do about it. */
export function endingOf(story: Story, words: Words): string {
  return `${gotOf(story, words)} ${adviceFor(story, words)}`
}

function gotOf(story: Story, { got }: Words): string {
  const { outcome, status, refusal, attempts, bytesOut, brokenBy, firstByteMs, rescuedAtBytes } = story
  switch (outcome) {
    case 'complete':
      return status < 400 ? got.whole(attempts.length, rescuedAtBytes.length) : got.upstreamError(status)
    case 'client_closed':
      return got.left(firstByteMs !== undefined)
    case 'shut_down':
      return got.shutDown
    case 'upstream_broke':
    case 'stalled':
      return got.cut(bytesOut, brokenBy ?? outcome)
    case 'refused':
      return got.refused(status, refusal?.message ?? '')
    case 'failed':
      return refusal === undefined ? got.upstreamError(status) : got.nothing(status, refusal.message)
  }
}

function adviceFor({ outcome, status, refusal, attempts, firstByteMs }: Story, words: Words): string {
  const { advice, nothingToDo } = words
  if (outcome === 'refused') return advice[refusal?.code ?? ''] ?? advice['refused'] ?? nothingToDo
  if (outcome === 'shut_down' || outcome === 'upstream_broke' || outcome === 'stalled') {
    return advice[outcome] ?? nothingToDo
  }
  if (outcome === 'client_closed' && firstByteMs !== undefined) return nothingToDo
  const failed = attempts.findLast(({ reason }) => reason !== undefined && reason !== 'client_closed')
  if (failed === undefined) {
    if (outcome === 'client_closed') return advice['client_closed'] ?? nothingToDo
    if (refusal !== undefined) return advice[refusal.code] ?? nothingToDo
    return status < 400 ? nothingToDo : (advice[`status_${status}`] ?? advice['status'] ?? nothingToDo)
  }
  const { reason = '' } = failed
  const byStatus = reason === 'status' ? advice[`status_${failed.status ?? 0}`] : undefined
  return words.failedBefore(`${failed.backend}/${failed.model}`, byStatus ?? advice[reason] ?? advice['status'] ?? '')
}

const en: Words = {
  came: (id, at, client) => `${id} came at ${at}${client === undefined ? '' : ` from ${client}`}`,
  asked: (request, model, stream, caller) => {
    const wanted = model === undefined ? 'it got no further than its model' : `asked for "${model}"`
    return `${request}: ${wanted}${stream ? ', as a stream' : ''}${caller === undefined ? ', with no accepted key' : `, by caller "${caller}"`}`
  },
  decided: (version, seed) => `decided by version ${version} of the configuration, with seed ${seed}`,
  passedOver: (who, reason) => `passed over ${who}: ${reason}`,
  repinned: (from, why, tokens) =>
    `left ${from}, with which it had stayed${tokens === undefined ? '' : ` and which had ${tokens} of its tokens cached`}: ${why}`,
  askedRoute: (who) => `asked ${who}`,
  askedAgain: (who) => `asked ${who} again`,
  askedFallback: (who, alias) => `asked ${who}, a route of the fallback alias "${alias}"`,
  tookOver: (who, how) => `asked ${who} to go on with the text (${how})`,
  by: (credential, number, index) => ` with credential "${credential}" (#${number}, index ${index})`,
  translated: (form, warnings, parts) =>
    `, translated to ${form}${parts === undefined ? '' : ` in ${parts} requests`}${warnings.length === 0 ? '' : ` (${warnings.join(', ')})`}`,
  repeated: ', twice, since an idle connection had died',
  answered: (status, took) => `: answered${status === undefined ? '' : ` ${status}`} after ${took}`,
  failed: (took, message) => `: failed after ${took}, because ${message}`,
  waits: (took) => `: no answer yet, after ${took}`,
  stillRunning: (took, attempts) =>
    `Still running for ${took}, ${attempts === 0 ? 'before its first attempt' : `at attempt ${attempts}`}.`,
  fromCache: 'answered by what the cache kept of an equal request',
  firstByte: 'first byte to the client',
  heartbeats: (count) => `${count} ${count === 1 ? 'keep-alive' : 'keep-alives'} kept the client waiting`,
  rescued: (bytes) => `after ${bytes} bytes the stream broke, and another route went on with it`,
  broke: (reason) => `the stream ended early: ${reason}`,
  took: ({ inputTokens, outputTokens, cachedTokens = 0, source }, costUsd) =>
    `it took ${inputTokens} tokens${cachedTokens > 0 ? ` (${cachedTokens} of them cached)` : ''} and gave ${outputTokens}` +
    `${source === 'estimated' ? ', by an estimate' : ''}${costUsd === undefined ? '' : `, for $${costUsd}`}`,
  ended: (outcome, status, bytes, chunks) =>
    `ended: ${outcome}, status ${status}, ${bytes} bytes${chunks > 1 ? ` in ${chunks} pieces` : ''}`,
  outcomes: {
    complete: 'complete',
    client_closed: 'the client left',
    upstream_broke: 'the backend broke off',
    stalled: 'the backend fell silent',
    shut_down: 'cut by the shutdown',
    refused: 'refused',
    failed: 'failed',
  },
  got: {
    whole: (attempts, rescued) => {
      if (rescued > 0) return 'The client got the whole answer, put together from more than one route.'
      return attempts > 1
        ? `The client got the whole answer, at attempt ${attempts}.`
        : 'The client got the whole answer.'
    },
    upstreamError: (status) => `The client got the error answer of the backend as it was, with status ${status}.`,
    refused: (status, message) => `The client was refused with status ${status}: ${message}.`,
    left: (had) =>
      had ? 'The client left in the middle of the answer.' : 'The client left before there was anything to send.',
    cut: (bytes, reason) => `The client got ${bytes} bytes, then an error in the stream that it can read: ${reason}.`,
    shutDown: 'The client got a beginning, then an error that says that the server shuts down.',
    nothing: (status, message) => `The client got no answer, but status ${status}: ${message}.`,
  },
  nothingToDo: 'Nothing is to be done.',
  failedBefore: (who, advice) => (advice === '' ? `Look after ${who}.` : `To do about ${who}: ${advice}`),
  advice: {
    queue_full: 'raise "max_connections" or "pool.max_waiting" of the backend, or send it less.',
    queue_timeout: 'raise "max_connections" or "timeout.queue" of the backend, or send it less.',
    dns: 'its host name has no address, "llm-proxy doctor" tells more.',
    connect: 'see whether it is up, "llm-proxy doctor" tells more.',
    connect_timeout: 'see whether it is up and whether a firewall drops packets, "llm-proxy doctor" tells more.',
    tls: 'look at its certificate and at "tls" of the backend, "llm-proxy doctor" tells more.',
    write_timeout: 'it does not read what it is sent; see how it is doing, or raise "timeout.write".',
    first_byte_timeout: 'it was too slow to begin; raise "timeout.first_byte" if that is usual.',
    first_content_timeout: 'it was too slow to say something; raise "streaming.time_to_first_token" if that is usual.',
    idle_timeout: 'it fell silent; raise "timeout.idle" if pauses are usual.',
    total_timeout: 'it took too long; raise "timeout.total" if that is usual.',
    reset: 'it closed the connection; its own log may tell why.',
    invalid_response: 'what it sent is no HTTP answer of a provider; look at "url".',
    no_credential: 'none of its "credentials" had anything to prove the request with; the log tells why.',
    status: 'its answer was an error; see its own words in the log.',
    status_400: 'it does not take this request; compare the model and the protocol of the route.',
    status_401: 'it does not accept the key; look at "api_key" or "credentials" of the backend.',
    status_402: 'its account has no money left.',
    status_403: 'the key may not do this; look at the rights of "api_key" or "credentials".',
    status_404: 'it does not know the model or the path; look at "model" of the route and "url" of the backend.',
    status_429: 'its limit is reached; add routes, raise the limit there, or send it less.',
    pattern: 'its answer held one of "detection.error_patterns".',
    error_in_body: 'its answer was an error in spite of a good status.',
    empty: 'its answer was empty.',
    incomplete: 'its answer ended early.',
    upstream_broke:
      'Another route can go on in such a case, see "streaming.rescue"; "streaming.hold" waits for the end first.',
    stalled: 'Raise "streaming.idle_timeout" if such pauses are usual; "streaming.rescue" lets another route go on.',
    shut_down: 'Raise "shutdown.drain_timeout" to let streams finish.',
    client_closed:
      'If clients often leave so early, their time limit is shorter than the backend needs; see "streaming.heartbeat".',
    refused: 'What is wrong is in the message.',
    missing_api_key: 'The client has to send the key in "proxy_api_key".',
    invalid_api_key: 'The client has to send the key in "proxy_api_key".',
    expired_api_key:
      'Give the client a new key or token; see "expires_at", "not_before" and "enabled" of its key in "auth".',
    permission_denied: 'Add the kind of request to "permissions" of its key in "auth", or leave them out.',
    model_not_allowed: 'Add the alias to "models" of its key in "auth", or let the client ask for another.',
    ip_not_allowed: 'Add the address to "allowed_ips" of its key in "auth"; behind a proxy, see "trusted_proxies".',
    ambiguous_credentials: 'The client has to send one key only.',
    unknown_id: 'Let the client name an alias by the header "x-llm-proxy-model", or ask for what it was given here.',
    model_not_found: 'Add the alias to "models", or let the client ask for one that is there.',
    body_too_large: 'Raise "max_body_size", or let the client send less.',
    no_backend_available: 'Every route was resting: "llm-proxy explain --running --model …" tells until when.',
    previous_response_not_found:
      'Send the whole conversation: earlier answers are kept for an hour, by the process that gave them.',
    unsupported_by_backend: 'Take what the message names out of the request, or add a route that can do it.',
    shutting_down: 'The server was stopping; another one should have got the request.',
    overloaded: 'The server was short of memory; give it more, or fewer and smaller requests.',
    internal_error: 'That is a mistake of the gateway: its log has the details under this id.',
  },
}

const zh: Words = {
  came: (id, at, client) => `${id} 到达时间 ${at}${client === undefined ? '' : `,来自 ${client}`}`,
  asked: (request, model, stream, caller) => {
    const wanted = model === undefined ? '未能识别模型' : `请求模型 "${model}"`
    return `${request}: ${wanted}${stream ? ',流式' : ''}${caller === undefined ? ',没有有效的密钥' : `,调用方 "${caller}"`}`
  },
  decided: (version, seed) => `依据第 ${version} 版配置,随机种子 ${seed}`,
  passedOver: (who, reason) => `跳过 ${who}: ${reason}`,
  repinned: (from, why, tokens) =>
    `离开了此前一直使用的 ${from}${tokens === undefined ? '' : `(其缓存了 ${tokens} 个 token)`}: ${why}`,
  askedRoute: (who) => `请求 ${who}`,
  askedAgain: (who) => `再次请求 ${who}`,
  askedFallback: (who, alias) => `请求 ${who} (备用别名 "${alias}" 的路由)`,
  tookOver: (who, how) => `请求 ${who} 接着已有文本继续 (${how})`,
  by: (credential, number, index) => `,使用凭据 "${credential}" (#${number},序号 ${index})`,
  translated: (form, warnings, parts) =>
    `,已转换为 ${form}${parts === undefined ? '' : `,分为 ${parts} 个请求`}${warnings.length === 0 ? '' : `(${warnings.join(', ')})`}`,
  repeated: ',空闲连接已失效,重发一次',
  answered: (status, took) => `: ${took} 后应答${status === undefined ? '' : ` ${status}`}`,
  failed: (took, message) => `: ${took} 后失败,原因: ${message}`,
  waits: (took) => `: ${took} 后仍未应答`,
  stillRunning: (took, attempts) => `已进行 ${took},${attempts === 0 ? '尚未开始尝试' : `第 ${attempts} 次尝试`}。`,
  fromCache: '由缓存中已有的回答应答',
  firstByte: '客户端收到第一个字节',
  heartbeats: (count) => `等待期间向客户端发送了 ${count} 次保活`,
  rescued: (bytes) => `流在 ${bytes} 字节后中断,由另一路由接续`,
  broke: (reason) => `流提前结束: ${reason}`,
  took: ({ inputTokens, outputTokens, cachedTokens = 0, source }, costUsd) =>
    `输入 ${inputTokens} 个 token${cachedTokens > 0 ? `(其中缓存 ${cachedTokens} 个)` : ''},输出 ${outputTokens} 个` +
    `${source === 'estimated' ? '(估算)' : ''}${costUsd === undefined ? '' : `,费用 $${costUsd}`}`,
  ended: (outcome, status, bytes, chunks) =>
    `结束: ${outcome},状态 ${status},${bytes} 字节${chunks > 1 ? `,共 ${chunks} 块` : ''}`,
  outcomes: {
    complete: '完整',
    client_closed: '客户端断开',
    upstream_broke: '后端中断',
    stalled: '后端停顿',
    shut_down: '因关闭而中断',
    refused: '被拒绝',
    failed: '失败',
  },
  got: {
    whole: (attempts, rescued) => {
      if (rescued > 0) return '客户端收到了完整的回答,由多个路由接续而成。'
      return attempts > 1 ? `客户端在第 ${attempts} 次尝试后收到了完整的回答。` : '客户端收到了完整的回答。'
    },
    upstreamError: (status) => `客户端收到了后端原样的错误应答,状态 ${status}。`,
    refused: (status, message) => `客户端被拒绝,状态 ${status}: ${message}。`,
    left: (had) => (had ? '客户端在回答途中断开。' : '客户端在收到任何内容之前断开。'),
    cut: (bytes, reason) => `客户端收到 ${bytes} 字节,随后收到流内的错误: ${reason}。`,
    shutDown: '客户端收到了回答的开头,随后收到服务器正在关闭的错误。',
    nothing: (status, message) => `客户端没有得到回答,状态 ${status}: ${message}。`,
  },
  nothingToDo: '无需处理。',
  failedBefore: (who, advice) => (advice === '' ? `请检查 ${who}。` : `关于 ${who}: ${advice}`),
  advice: {
    queue_full: '提高该后端的 "max_connections" 或 "pool.max_waiting",或减少请求。',
    queue_timeout: '提高该后端的 "max_connections" 或 "timeout.queue",或减少请求。',
    dns: '主机名没有地址,可用 "llm-proxy doctor" 查看。',
    connect: '检查它是否在运行,可用 "llm-proxy doctor" 查看。',
    connect_timeout: '检查它是否在运行、防火墙是否丢包,可用 "llm-proxy doctor" 查看。',
    tls: '检查它的证书和后端的 "tls",可用 "llm-proxy doctor" 查看。',
    write_timeout: '它没有读取请求;检查它的状态,或提高 "timeout.write"。',
    first_byte_timeout: '它开始得太慢;若属常态,提高 "timeout.first_byte"。',
    first_content_timeout: '它迟迟没有内容;若属常态,提高 "streaming.time_to_first_token"。',
    idle_timeout: '它停顿太久;若属常态,提高 "timeout.idle"。',
    total_timeout: '它用时太长;若属常态,提高 "timeout.total"。',
    reset: '它关闭了连接;原因可能在它自己的日志里。',
    invalid_response: '它的应答不是有效的 HTTP 应答;检查 "url"。',
    no_credential: '它的 "credentials" 都无法为请求提供凭证;原因在日志里。',
    status: '它的应答是错误;详情见日志。',
    status_400: '它不接受这个请求;核对路由的模型和协议。',
    status_401: '它不接受密钥;检查后端的 "api_key" 或 "credentials"。',
    status_402: '账户余额不足。',
    status_403: '密钥没有权限;检查 "api_key" 的权限。',
    status_404: '它不认识模型或路径;检查路由的 "model" 和后端的 "url"。',
    status_429: '达到它的限额;增加路由、提高限额或减少请求。',
    pattern: '它的应答含有 "detection.error_patterns" 中的内容。',
    error_in_body: '它的状态正常,但应答是错误。',
    empty: '它的应答为空。',
    incomplete: '它的应答提前结束。',
    upstream_broke: '"streaming.rescue" 可让另一路由接续;"streaming.hold" 会先等回答完整。',
    stalled: '若这样的停顿属常态,提高 "streaming.idle_timeout";"streaming.rescue" 可让另一路由接续。',
    shut_down: '提高 "shutdown.drain_timeout",让流有时间结束。',
    client_closed: '若客户端常这么早断开,说明它的超时短于后端所需;参见 "streaming.heartbeat"。',
    refused: '原因见上面的消息。',
    missing_api_key: '客户端需要发送 "proxy_api_key" 中的密钥。',
    invalid_api_key: '客户端需要发送 "proxy_api_key" 中的密钥。',
    expired_api_key: '给客户端新的密钥或令牌;检查 "auth" 中该密钥的 "expires_at"、"not_before" 和 "enabled"。',
    permission_denied: '在 "auth" 中该密钥的 "permissions" 里加入这类请求,或去掉该列表。',
    model_not_allowed: '在 "auth" 中该密钥的 "models" 里加入该别名,或让客户端请求别的模型。',
    ip_not_allowed: '在 "auth" 中该密钥的 "allowed_ips" 里加入该地址;若在代理之后,参见 "trusted_proxies"。',
    ambiguous_credentials: '客户端只能发送一个密钥。',
    unknown_id: '让客户端用请求头 "x-llm-proxy-model" 指定别名,或使用此处返回过的 ID。',
    model_not_found: '在 "models" 中添加该别名,或让客户端请求已有的别名。',
    body_too_large: '提高 "max_body_size",或让客户端少发一些。',
    no_backend_available: '所有路由都在冷却: "llm-proxy explain --running --model …" 会说明到何时。',
    previous_response_not_found: '请发送完整的对话:先前的回答只由给出它的进程保留一小时。',
    unsupported_by_backend: '从请求中去掉消息所指的内容,或增加一个支持它的路由。',
    shutting_down: '服务器正在停止;该请求应由另一台处理。',
    overloaded: '服务器内存不足;增加内存,或减少请求。',
    internal_error: '这是网关的错误: 日志中此编号下有详情。',
  },
}

export const wordsOf: Readonly<Record<Language, Words>> = { en, zh }
