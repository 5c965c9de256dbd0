/** Languages that the page speaks. */
export type Language = 'en' | 'zh'

/** `{name}` stands for what is filled in. */
const table = {
  aliases: ['Aliases', '别名'],
  backends: ['Backends', '后端'],
  credentials: ['Credentials', '凭据'],
  overview: ['Overview', '概览'],
  services: ['Services', '服务'],

  skip: ['Skip to the content', '跳到正文'],
  pages: ['Pages', '页面'],
  settings: ['Settings', '设置'],
  refresh: ['Refresh', '刷新'],
  refreshing: ['Asking …', '查询中…'],
  pause: ['Pause', '暂停'],
  resume: ['Resume', '继续'],
  updated: ['Updated {ago}', '更新于{ago}'],
  paused: ['Paused, as of {ago}', '已暂停，数据为{ago}'],
  never: ['No news yet', '尚无数据'],
  theme: ['Colours', '配色'],
  themeSystem: ['System', '跟随系统'],
  themeLight: ['Light', '浅色'],
  themeDark: ['Dark', '深色'],
  language: ['Language', '语言'],
  zone: ['Time zone', '时区'],
  zoneLocal: ['Local', '本地'],

  keyLabel: ['Admin key', '管理密钥'],
  keyOpen: ['Open the full view', '打开完整视图'],
  keyClose: ['Forget the key', '忘记密钥'],
  keyWhy: [
    'With the key of the admin pages this page also shows aliases, backends, credentials and errors. It is forgotten when the page is loaded again.',
    '输入管理页面的密钥后，还能看到别名、后端、凭据和错误。重新加载页面后需要再次输入。',
  ],
  keyNone: [
    'There is more to see where admin pages are open: with "admin.key" set, or at the address of "admin.listen".',
    '在开放管理页面之处可以看到更多：请设置 "admin.key"，或打开 "admin.listen" 的地址。',
  ],
  keyWrong: ['This key was not accepted.', '密钥不正确。'],
  keyLockedOut: [
    'Too many wrong keys came from this address. Wait {seconds} s, then try again.',
    '此地址的错误密钥过多，请等待 {seconds} 秒后再试。',
  ],
  keyNoPages: ['The admin pages are not open to this browser.', '管理页面不对此浏览器开放。'],
  needsKey: ['This page opens with the admin key.', '此页面需要管理密钥。'],

  unreachable: ['The gateway does not answer.', '网关没有响应。'],
  shownFrom: ['What is shown is from {ago}.', '显示的是{ago}的数据。'],
  notRead: ['The gateway answered {status}: {message}', '网关返回 {status}：{message}'],
  draining: [
    'The gateway is shutting down: it finishes what runs and takes nothing new.',
    '网关正在关闭：处理完现有请求，不再接受新请求。',
  ],

  allWell: ['Everything is available', '全部可用'],
  someDown: ['{up} of {all} targets are available', '{all} 个目标中有 {up} 个可用'],
  allDown: ['No target is available', '没有可用的目标'],
  nothingKnown: ['Nothing to watch yet', '暂无监控对象'],
  openWell: ['All targets of services are available', '服务的所有目标均可用'],
  openSome: ['{up} of {all} targets of services are available', '服务的 {all} 个目标中有 {up} 个可用'],
  openDown: ['No target of a service is available', '服务没有可用的目标'],
  openUnseen: ['How the services are doing is not known', '服务的状态未知'],
  openNone: ['There are no services; how aliases are doing opens with the key', '没有服务；别名的状态需要密钥查看'],
  unseenToo: [', {count} not known', '，{count} 个未知'],
  availability: ['Availability', '可用率'],
  percent: ['{percent} %', '{percent}%'],
  ofAll: ['{up} of {all}', '{up} / {all}'],
  needsAttention: ['Needs attention', '需要关注'],
  andMore: ['and {count} more', '还有 {count} 个'],
  nothingWrong: ['Nothing is wrong.', '一切正常。'],
  facts: ['The gateway', '网关'],
  version: ['Version', '版本'],
  uptime: ['Running for', '已运行'],
  inFlight: ['In flight', '处理中'],
  models: ['Models', '模型'],
  serviceModels: ['Models of services', '服务的模型'],
  worker: ['Worker', '工作进程'],
  workerText: ['{number} of {of}, its counts are its own', '{number} / {of}，计数仅属此进程'],
  configVersion: ['Configuration', '配置'],
  configFrom: ['From', '来源'],
  environment: ['the environment', '环境变量'],
  configRefused: [
    'A newer configuration has errors, so the one before it serves on',
    '新的配置有错误，仍使用之前的配置',
  ],
  configWarnings: ['Warnings about the configuration', '配置警告'],
  configRestart: ['New values wait for a restart: {keys}', '以下键的新值需要重启后生效：{keys}'],
  reload: ['Reload the configuration', '重新加载配置'],
  reloading: ['Reading …', '读取中…'],
  reloadNew: ['Version {version} serves now.', '现在使用版本 {version}。'],
  reloadOthers: [' The other workers follow.', '其他工作进程随后更新。'],
  reloadSame: ['The configuration is what it was.', '配置没有变化。'],
  reloadRefused: [
    'The configuration has errors, so the one before it serves on: {problems}',
    '配置有错误，仍使用之前的配置：{problems}',
  ],
  reloadFailed: ['The configuration was not read: {message}', '未能读取配置：{message}'],

  backend: ['Backend', '后端'],
  alias: ['Alias', '别名'],
  target: ['Target', '目标'],
  state: ['State', '状态'],
  latency: ['Latency', '延迟'],
  firstToken: ['First token', '首字'],
  attempts: ['Attempts', '尝试'],
  attemptsText: ['{attempts}, {failures} failed', '{attempts} 次，失败 {failures} 次'],
  checked: ['Checked', '检查'],
  lastError: ['Last error', '最近错误'],
  weightText: ['weight {weight}', '权重 {weight}'],
  priorityText: ['priority {priority}', '优先级 {priority}'],
  fallbackText: ['fallback {alias}', '回退 {alias}'],
  hidden: ['not listed', '未列出'],
  hasKey: ['with a key', '有密钥'],
  hasNoKey: ['without a key', '无密钥'],
  routeText: ['1 route', '1 条路由'],
  routesText: ['{count} routes', '{count} 条路由'],
  setbacks: ['Setbacks in a row', '连续失败'],
  tryAgain: ['Try it again now', '立即重试'],
  passthrough: ['Everything else', '其他请求'],

  search: ['Search', '搜索'],
  order: ['Order', '排序'],
  orderFile: ['As configured', '按配置顺序'],
  orderName: ['Name', '名称'],
  orderState: ['Worst state first', '最差状态优先'],
  orderLatency: ['Slowest first', '最慢优先'],
  onlyTroubled: ['Only what is in trouble', '只看有问题的'],
  nothingFound: ['Nothing fits the search.', '没有符合搜索的内容。'],
  noServices: ['No services are configured.', '没有配置服务。'],
  noAliases: ['No aliases are configured.', '没有配置别名。'],
  noBackends: ['No backends are configured.', '没有配置后端。'],
  noCredentials: ['No backend has several credentials.', '没有后端使用多个凭据。'],

  healthy: ['well', '正常'],
  unknown: ['not known yet', '尚未知'],
  unseen: ['not known', '未知'],
  circuit_half_open: ['being tried again', '试探中'],
  cooling: ['cooling down', '冷却中'],
  no_credential: ['no credential', '无可用凭据'],
  ejected: ['left out', '已剔除'],
  circuit_open: ['circuit open', '已熔断'],
  unhealthy: ['down', '不可用'],
  ready: ['ready', '就绪'],
  resting: ['resting', '休息中'],
  leftText: ['{time} left', '剩余 {time}'],

  justNow: ['just now', '刚刚'],
  ago: ['{time} ago', '{time}前'],
  milliseconds: ['{count} ms', '{count} 毫秒'],
  seconds: ['{count} s', '{count} 秒'],
  minutes: ['{count} min', '{count} 分钟'],
  hours: ['{count} h', '{count} 小时'],
  days: ['{count} d', '{count} 天'],
} as const satisfies Readonly<Record<string, readonly [en: string, zh: string]>>

/** Every text of the page, in one language. */
export type Words = Readonly<Record<keyof typeof table, string>>

export const wordsOf: Readonly<Record<Language, Words>> = { en: column(0), zh: column(1) }

function column(place: 0 | 1): Words {
  const words = Object.entries(table).map(([name, texts]) => [name, texts[place]])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entries are those of the table
  return Object.fromEntries(words) as Words
}

/** The language to begin with, for somebody who wants these, the most wanted first. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [primary] = tag.toLowerCase().split('-')
    if (primary === 'zh' || primary === 'en') return primary
  }
  return 'en'
}

/** `{name}` → what it is called; a name that is not given stays. Nothing that is put in is looked through again. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (form, name: string) => String(values[name] ?? form))
}
