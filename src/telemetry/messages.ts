import type { EventName } from '#ports/log.ts'
import type { LoggingPolicy } from './policy.ts'
import { readWording, type Wording } from './wording.ts'

/** Language of log lines. */
export type Language = LoggingPolicy['language']

/** How each event is told. `{field}` is filled in, `<…>` disappears when one of its fields is missing. */
export const messages: Readonly<Record<Language, Readonly<Record<EventName, string>>>> = {
  en: {
    server_started:
      'LLM Proxy< {version}> started, listening on {address}< (port from {portFrom})>< (host from {hostFrom})>',
    admin_started: 'Admin pages at {address}',
    metrics_started: 'Metrics at {address}',
    config_loaded:
      'Loaded {backends backend|backends}, {aliases model alias|model aliases}<, {services service|services}><, {credentials configuration|configurations} of credentials>< from {file}>',
    health_checked: 'Health checks: {backends backend is|backends are} asked every {everyMs as duration}',
    config_problem: '<{place} ><{path}: >{problem}',
    config_reloaded: 'Configuration reloaded: version={version}< changes={changes}>',
    config_unchanged: 'Configuration {file} is unchanged',
    config_rejected: 'Cannot reload {file}: {problems problem|problems}, the last good configuration stays<: {first}>',
    config_unreadable: 'Cannot read {file}: {reason}, the last good configuration stays',
    config_back: 'Configuration {file} is again the one that is running',
    tls_renewed: 'New connections get the new certificate<: {name}>',
    tls_kept: 'Cannot listen with the new certificate on {address}: {reason}, the former one stays',
    tls_expires: 'The certificate for {name} expires in {forMs as duration}, renew it',
    tls_expired: 'The certificate for {name} has expired, clients refuse it: renew it',
    restart_needed: 'Changes to {keys} need a restart, the running values stay',
    backend_off: 'Backend {backend} is switched off: {variable} is not set',
    backend_from_environment: 'Backend {backend} is configured from {variable}',
    unauthenticated:
      'No client key is configured: everyone who reaches {address} may use every backend<. Listening on loopback only, although "{asked}" was asked for: set {openedBy}>',
    environment_warning: 'Environment variable {variable} can change what this program does, unset it',
    request_limit:
      'Backends that go by fetch (http2, transport: fetch) share 256 requests at once until a restart: the program did not start with one',
    environment_trust:
      'Environment variable {variable} adds to the authorities that backends without tls.ca are believed by; write them into tls.ca instead',
    environment_ignored: 'Environment variable {variable} is ignored: it has no effect on requests to backends',
    request_received:
      'Request received: model={model} client={client}< method={method}>< path={path}>< stream={stream}>',
    request_finished:
      'Request finished: backend={backend} status={status} duration={durationMs}ms< model={model}>< attempts={attempts}>< parts={parts}>< ttft={ttftMs}ms>< credential={credential} (#{credentialNumber}, index {credentialIndex})>< stream={stream}>< ttfb={ttfbMs}ms>< bytes={bytes}>< tokens={inputTokens}+{outputTokens}>< cached={cachedTokens}>< estimated={estimated}>< cost=${costUsd}>< cache={cache}>< saved={savedMs}ms>< end={end}>< user={user}>',
    request_failed:
      'Request failed: status={status}< code={code}> duration={durationMs}ms< attempts={attempts}>< client={client}>< credential={credential} (#{credentialNumber}, index {credentialIndex})>< stream={stream}>< ttfb={ttfbMs}ms>< bytes={bytes}>< end={end}>< user={user}> reason={reason}',
    request_refused:
      'Request refused: status={status} code={code} client={client}< method={method} path={path}>< user={user}> reason={reason}',
    client_closed:
      'Client closed the connection:< backend={backend}> duration={durationMs}ms< credential={credential} (#{credentialNumber}, index {credentialIndex})>< status={status}>< stream={stream}>< ttfb={ttfbMs}ms>< bytes={bytes}>< tokens={inputTokens}+{outputTokens}>< cached={cachedTokens}>< estimated={estimated}>< cost=${costUsd}>< end={end}>< user={user}>< reason={reason}>',
    stream_broken:
      'Stream broken: backend={backend} duration={durationMs}ms< credential={credential} (#{credentialNumber}, index {credentialIndex})>< status={status}>< stream={stream}>< ttfb={ttfbMs}ms>< bytes={bytes}>< tokens={inputTokens}+{outputTokens}>< cached={cachedTokens}>< estimated={estimated}>< cost=${costUsd}>< end={end}>< user={user}> reason={reason}',
    attempt_started: 'Attempt {attempt}: backend={backend} model={model}< url={url}>',
    request_repaired: 'Refused, and asked again as the refusal taught: backend={backend} model={model} rule={rule}',
    request_translated:
      'Request translated: backend={backend} model={model} form={form}< parts={parts}> warnings={warnings}',
    attempt_repeated: 'An idle connection was dead, sent again over a fresh one: backend={backend} model={model}',
    attempt_failed:
      'Attempt failed: backend={backend} model={model}< status={status}> duration={durationMs}ms reason={reason}',
    backend_switched: 'Switching backend: {from} → {to} ({level})',
    route_skipped: 'Route skipped: backend={backend} model={model} reason={reason}',
    plan_resolved: 'Route resolved: alias={alias} tiers={tiers} candidates={candidates}',
    route_cooled: 'Route cools down: backend={backend} model={model} for={forMs}ms reason={reason}',
    circuit_opened: 'Circuit opened: backend={backend} model={model} for={forMs}ms',
    circuit_closed: 'Circuit closed: backend={backend} model={model}',
    route_ejected: 'Route left out, it fails more than its siblings: backend={backend} model={model} for={forMs}ms',
    route_readmitted: 'Route is back: backend={backend} model={model}',
    backend_down: 'Backend is down: backend={backend} reason={reason}, it is asked again every {everyMs as duration}',
    backend_up: 'Backend is well again: backend={backend} latency={latencyMs}ms',
    retry_waits: 'Waiting {waitMs}ms before the same backend is tried again: backend={backend}',
    credential_token: 'Token {how} for credential {credential}: backend={backend} good for {forMs}ms',
    credential_token_failed:
      'No token for credential {credential}: backend={backend} reason={reason}, tried again after {retryMs}ms',
    token_keys: 'Keys of {provider} were read: {keys}',
    token_keys_failed: 'No keys of {provider}, the last ones are used: {reason}, tried again after {retryMs}ms',
    token_refused: 'Token refused by {provider}: {reason}',
    credential_key_read: 'Credential {credential} has a new key: backend={backend} file={file}',
    credential_file_failed:
      'Cannot read the key of credential {credential}, the last one is used: backend={backend} file={file} reason={reason}',
    credential_used: "Using credential '{credential}' (request #{number}, index {index}): backend={backend}",
    credential_rested:
      'Credential {credential} rests: backend={backend}< status={status}> for={forMs}ms reason={reason}',
    credential_switched: 'Credential failover: {from} → {to} backend={backend}',
    credentials_exhausted: 'No credential is left: backend={backend}< client={client}> reason={reason}',
    credentials_reset: 'Credentials no longer rest: {count}< of {credential}> backend={backend}',
    metrics:
      '[metrics] request={requestId} model={alias} state={state} backend={backend} attempts={attempts} total={totalMs}ms backends=[{backendMs}]',
    request_record: 'Request record',
    log_dropped: 'Log records dropped: {count}< for {file}>',
    log_failed: 'Cannot write {file}: {reason}, it is tried again',
    log_recovered: 'Writing works again: {file}',
    usage_file_unusable: 'Cannot keep usage in {file}, its sums are in memory only: {reason}',
    budget_alert:
      'Budget {budget}< of {whose}> is spent to {percent} %:< ${usd} of ${usdMax}>< {tokens} of {tokensMax} tokens>, until {endsAt}',
    prices_read: 'Prices read from {source}: {models model|models}',
    prices_failed: 'Cannot read prices from {source}, it is tried again: {reason}',
    hook_failed: 'Hook {hook} ({point}) failed: {reason}',
    hook_rests: 'Hook {hook} ({point}) rests for {forMs as duration} after {failures failure|failures} in a row',
    hook_back: 'Hook {hook} ({point}) works again',
    hook_dropped:
      'Hook {hook} ({point}) is too slow: {waiting request waits|requests wait} to be told, more are left out',
    shutdown_started:
      'Shutting down on {signal}: {inFlight request|requests} in flight, waiting up to {forMs as duration}',
    shutdown_finished: 'Shut down: {inFlight request|requests} in flight',
    shutdown_forced: 'Shut down by force: {inFlight request was|requests were} cut',
    worker_started: 'Worker {worker} of {of} serves: pid={pid} address={address}',
    worker_ended: 'Worker {worker} ended with {how}, another one is started after {restartMs}ms',
    worker_killed: 'Worker {worker} does not end by itself and is killed: pid={pid}',
    hand_over_failed: 'Cannot leave the port to the other processes, it is closed: {reason}',
    memory_short:
      'Memory is short: {heldMb} MB of {limitMb} MB in use, large bodies are refused until there is room again',
    memory_enough: 'There is memory again: {heldMb} MB of {limitMb} MB in use, large bodies are accepted',
    process_stalled:
      'The process stood still for {forMs}ms with {inFlight request|requests} in flight<, the longest of {times} pauses>: it or its machine is too busy',
    limits_not_shared: 'Redis does not answer, limits are not shared until it does (rate_limiting.on_error: {onError})',
    limits_shared: 'Redis answers again, limits are shared',
    cache_unreachable: 'The cache is not reached: nothing is kept or given again until {store} answers',
    cache_reachable: 'The cache is back: {store} answers again',
    cache_refuses:
      'The cache takes nothing new: {store} refuses it, see how much it may keep and whether it may be written to',
    unhandled_error: 'Unhandled error: {reason}< ({times} times since it was told)>',
    unhandled_errors:
      '{count} unhandled errors within {withinMs as duration}, {inAll} since the start: something is broken, restart the program and report the errors above',
    internal_error: 'Internal error: {reason}',
  },
  zh: {
    server_started: 'LLM Proxy 启动,监听地址: {address}< (端口来自 {portFrom})>< (主机来自 {hostFrom})>',
    admin_started: '管理页面地址: {address}',
    metrics_started: '指标地址: {address}',
    config_loaded: '已加载 {backends} 个后端,{aliases} 个模型别名<,{services} 个服务><,{credentials} 组凭据>',
    health_checked: '健康检查: {backends} 个后端,间隔 {everyMs as duration}',
    config_problem: '<{place} ><{path}: >{problem}',
    config_reloaded: '配置已重新加载: 版本={version}< 变更={changes}>',
    config_unchanged: '配置 {file} 内容未变',
    config_rejected: '配置重新加载失败: 文件={file} 问题数={problems},继续使用上一份有效配置<: {first}>',
    config_unreadable: '无法读取配置文件 {file}: {reason},继续使用上一份有效配置',
    config_back: '配置 {file} 已恢复为当前生效的内容',
    tls_renewed: '新连接已使用新证书<: {name}>',
    tls_kept: '无法在 {address} 上使用新证书: {reason},继续使用原证书',
    tls_expires: '{name} 的证书将在 {forMs as duration} 后过期,请续期',
    tls_expired: '{name} 的证书已过期,客户端会拒绝连接: 请续期',
    restart_needed: '修改 {keys} 需要重启才能生效,当前值保持不变',
    backend_off: '后端 {backend} 已停用: 环境变量 {variable} 未设置',
    backend_from_environment: '后端 {backend} 由环境变量 {variable} 配置',
    unauthenticated:
      '未配置客户端密钥: 能访问 {address} 的任何人都可以使用全部后端<。要求监听 "{asked}",但只监听本机回环地址: 请设置 {openedBy}>',
    environment_warning: '环境变量 {variable} 会改变本程序的行为,请取消设置',
    request_limit: '经由 fetch 的后端 (http2, transport: fetch) 在重启前共用 256 个并发请求: 启动时没有这样的后端',
    environment_trust: '环境变量 {variable} 会增加对未设置 tls.ca 的后端所信任的证书颁发机构,请改用 tls.ca',
    environment_ignored: '环境变量 {variable} 被忽略: 对发往后端的请求不起作用',
    request_received: '收到请求: 模型={model} 客户端={client}',
    request_finished:
      '请求成功: 后端={backend} 状态={status} 耗时={durationMs}ms< 请求数={parts}>< 凭据={credential} (#{credentialNumber}, 序号 {credentialIndex})< 流式={stream}>< 首字节={ttfbMs}ms>< 字节={bytes}>< 令牌={inputTokens}+{outputTokens}>< 缓存={cachedTokens}>< 估算={estimated}>< 费用=${costUsd}>< 响应缓存={cache}>< 节省={savedMs}ms>< 结束={end}>>< 用户={user}>',
    request_failed:
      '请求失败: 状态={status}< 错误码={code}> 耗时={durationMs}ms< 尝试次数={attempts}>< 客户端={client}>< 凭据={credential} (#{credentialNumber}, 序号 {credentialIndex})>< 流式={stream}>< 首字节={ttfbMs}ms>< 字节={bytes}>< 结束={end}>< 用户={user}> 原因={reason}',
    request_refused:
      '请求被拒绝: 状态={status} 错误码={code} 客户端={client}< 方法={method} 路径={path}>< 用户={user}> 原因={reason}',
    client_closed:
      '客户端断开连接:< 后端={backend}> 耗时={durationMs}ms< 凭据={credential} (#{credentialNumber}, 序号 {credentialIndex})>< 状态={status}>< 流式={stream}>< 首字节={ttfbMs}ms>< 字节={bytes}>< 令牌={inputTokens}+{outputTokens}>< 缓存={cachedTokens}>< 估算={estimated}>< 费用=${costUsd}>< 结束={end}>< 用户={user}>< 原因={reason}>',
    stream_broken:
      '流式响应中断: 后端={backend} 耗时={durationMs}ms< 凭据={credential} (#{credentialNumber}, 序号 {credentialIndex})>< 状态={status}>< 流式={stream}>< 首字节={ttfbMs}ms>< 字节={bytes}>< 令牌={inputTokens}+{outputTokens}>< 缓存={cachedTokens}>< 估算={estimated}>< 费用=${costUsd}>< 结束={end}>< 用户={user}> 原因={reason}',
    attempt_started: '第 {attempt} 次尝试: 后端={backend} 模型={model}< 地址={url}>',
    request_repaired: '请求被拒绝, 已按后端的说明重新发送: 后端={backend} 模型={model} 规则={rule}',
    request_translated: '请求已转换: 后端={backend} 模型={model} 格式={form}< 请求数={parts}> 警告={warnings}',
    attempt_repeated: '空闲连接已失效, 已通过新连接重新发送: 后端={backend} 模型={model}',
    attempt_failed: '后端返回错误: 后端={backend} 模型={model}< 状态={status}> 耗时={durationMs}ms 原因={reason}',
    backend_switched: '切换后端: {from} → {to} ({level})',
    route_skipped: '跳过路由: 后端={backend} 模型={model} 原因={reason}',
    plan_resolved: '路由解析: 别名={alias} 层级={tiers} 候选={candidates}',
    route_cooled: '后端进入冷却: 后端={backend} 模型={model} 时长={forMs}ms 原因={reason}',
    circuit_opened: '熔断器打开: 后端={backend} 模型={model} 时长={forMs}ms',
    circuit_closed: '熔断器关闭: 后端={backend} 模型={model}',
    route_ejected: '路由被剔除,失败率高于同组: 后端={backend} 模型={model} 时长={forMs}ms',
    route_readmitted: '路由恢复使用: 后端={backend} 模型={model}',
    backend_down: '后端不可用: 后端={backend} 原因={reason},每 {everyMs as duration} 检查一次',
    backend_up: '后端恢复: 后端={backend} 延迟={latencyMs}ms',
    retry_waits: '等待 {waitMs}ms 后重试同一后端: 后端={backend}',
    credential_token: '凭据 {credential} 已获得令牌 ({how}): 后端={backend} 有效期={forMs}ms',
    credential_token_failed: '凭据 {credential} 未能获得令牌: 后端={backend} 原因={reason},{retryMs}ms 后重试',
    token_keys: '已读取 {provider} 的密钥: {keys} 个',
    token_keys_failed: '无法获取 {provider} 的密钥,继续使用上一份: {reason},{retryMs}ms 后重试',
    token_refused: '{provider} 拒绝了令牌: {reason}',
    credential_key_read: '凭据 {credential} 的密钥已更新: 后端={backend} 文件={file}',
    credential_file_failed: '无法读取凭据 {credential} 的密钥,继续使用上一个: 后端={backend} 文件={file} 原因={reason}',
    credential_used: '使用凭据 {credential} (第 {number} 次请求,序号 {index}): 后端={backend}',
    credential_rested: '凭据进入冷却: {credential} 后端={backend}< 状态={status}> 时长={forMs}ms 原因={reason}',
    credential_switched: '凭据切换 (failover): {from} → {to} 后端={backend}',
    credentials_exhausted: '没有可用的凭据: 后端={backend}< 客户端={client}> 原因={reason}',
    credentials_reset: '凭据已解除冷却: {count} 个< ({credential})> 后端={backend}',
    metrics:
      '[性能指标] 请求={requestId} 模型={alias} 状态={state} 后端={backend} 尝试次数={attempts} 总耗时={totalMs}ms 后端耗时=[{backendMs}]',
    request_record: '请求记录',
    log_dropped: '日志记录被丢弃: {count} 条< ({file})>',
    log_failed: '无法写入 {file}: {reason},稍后重试',
    log_recovered: '已恢复写入: {file}',
    usage_file_unusable: '无法将用量写入 {file},仅保存在内存中: {reason}',
    budget_alert:
      '预算 {budget}< ({whose})> 已用 {percent}%:< ${usd} / ${usdMax}>< {tokens} / {tokensMax} 令牌>,至 {endsAt}',
    prices_read: '已从 {source} 读取价格: {models} 个模型',
    prices_failed: '无法从 {source} 读取价格,稍后重试: {reason}',
    hook_failed: '钩子 {hook} ({point}) 失败: {reason}',
    hook_rests: '钩子 {hook} ({point}) 连续失败 {failures} 次,暂停 {forMs as duration}',
    hook_back: '钩子 {hook} ({point}) 恢复正常',
    hook_dropped: '钩子 {hook} ({point}) 过慢: 等待通知的请求已达 {waiting} 个,其余丢弃',
    shutdown_started: '收到 {signal},开始关闭: 进行中的请求={inFlight} 最多等待={forMs as duration}',
    shutdown_finished: '已关闭: 进行中的请求={inFlight}',
    shutdown_forced: '已强制关闭: 被中断的请求={inFlight}',
    worker_started: '工作进程 {worker}/{of} 已开始服务: pid={pid} 地址={address}',
    worker_ended: '工作进程 {worker} 已退出 ({how}),{restartMs}ms 后启动新的工作进程',
    worker_killed: '工作进程 {worker} 没有自行退出,已强制结束: pid={pid}',
    hand_over_failed: '无法把端口交给其他进程,直接关闭: {reason}',
    memory_short: '内存不足: 已用 {heldMb} MB,上限 {limitMb} MB,恢复之前拒绝较大的请求体',
    memory_enough: '内存恢复: 已用 {heldMb} MB,上限 {limitMb} MB,重新接受较大的请求体',
    process_stalled: '进程停顿 {forMs}ms,进行中的请求={inFlight}<,{times} 次停顿中最长的一次>: 进程或机器过于繁忙',
    limits_not_shared: 'Redis 无响应,恢复之前限流不在进程间共享 (rate_limiting.on_error: {onError})',
    limits_shared: 'Redis 已恢复,限流重新共享',
    cache_unreachable: '缓存无法访问: {store} 恢复之前不读取也不写入缓存',
    cache_reachable: '缓存已恢复: {store} 重新响应',
    cache_refuses: '缓存无法写入新内容: {store} 拒绝写入,请检查其内存上限与写权限',
    unhandled_error: '未处理的错误: {reason}< (自上次记录以来 {times} 次)>',
    unhandled_errors:
      '{withinMs as duration} 内出现 {count} 个未处理的错误,启动以来共 {inAll} 个: 程序已出故障,请重启并报告以上错误',
    internal_error: '内部错误: {reason}',
  },
}

/** Words for the values of `state`, the only field whose value is translated. */
export const stateWords: Readonly<Record<Language, Readonly<Record<RequestState, string>>>> = {
  en: { success: 'success', failed: 'failed', client_closed: 'client_closed', broken: 'broken' },
  zh: { success: '成功', failed: '失败', client_closed: '客户端断开', broken: '中断' },
}

/** How a request ended, as metrics lines and request records put it. */
export type RequestState = 'success' | 'failed' | 'client_closed' | 'broken'

/** How an event is told in a language; read at its first use. */
export function wordingOf(language: Language, event: EventName): Wording {
  const known = read[language].get(event)
  if (known !== undefined) return known
  const wording = readWording(messages[language][event])
  read[language].set(event, wording)
  return wording
}

const read: Readonly<Record<Language, Map<EventName, Wording>>> = { en: new Map(), zh: new Map() }
