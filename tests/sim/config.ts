import type { Dice } from './dice.ts'
import { canary } from './behaviour.ts'

/** What a simulated operator wrote. */
export interface Written {
  readonly yaml: string
  readonly aliases: readonly string[]
}

/** A configuration by chance: every key that decides about a request's way has a turn. */
export function writeConfig(dice: Dice, version: number): Written {
  const hosts = Array.from({ length: dice.between(1, 4) }, (_, at) => `b${at}`)
  const aliases = Array.from({ length: dice.between(1, 3) }, (_, at) => `m${at}`)
  const lines = [
    'backends:',
    ...hosts.map((host) => backend(host, version, dice)),
    'models:',
    ...aliases.flatMap((alias) => model(alias, hosts, dice)),
    `fallback: { ${fallback(aliases, dice)} }`,
    `retry: { ${retry(dice)} }`,
    `timeout: { ${timeout(dice)} }`,
    `streaming: { ${streaming(dice)} }`,
  ]
  if (dice.chance(0.5)) lines.push(`circuit_breaker: { ${breaker(dice)} }`)
  if (dice.chance(0.4)) lines.push(`outlier_detection: { ${outlier(dice)} }`)
  if (dice.chance(0.4)) lines.push(`load_balancing: { ${balancing(dice)} }`)
  if (dice.chance(0.2)) lines.push(`detection: { ${dice.pick(detections)} }`)
  return { yaml: lines.join('\n'), aliases }
}

const detections = [
  'error_codes: ["5xx", "429"]',
  'error_codes: ["5xx"], error_patterns: ["insufficient_quota"]',
  'error_patterns: ["re:insufficient_[a-z]+"]',
]

/** The version stands in the host's name, so that a request of one version is seen at a host of another. */
function backend(host: string, version: number, dice: Dice): string {
  const clocks = dice.chance(0.2) ? `, streaming: { ${dice.pick(streamClocks)(dice)} }` : ''
  const prefill = dice.chance(0.5) ? ', prefill: plain' : ''
  const headers = dice.chance(0.2) ? `, headers: { x-team: "${canary}" }` : ''
  // What its checks find is not left to them.
  const checks = dice.chance(0.3) ? ', health_check: { enabled: true }' : ''
  return `  - { name: ${host}, url: "http://${host}-v${version}/v1", protocol: any, api_key: "${canary}"${prefill}${headers}${checks}${clocks} }`
}

const streamClocks: readonly ((dice: Dice) => string)[] = [
  (dice) => `time_to_first_token: ${dice.pick(['3s', '30s'])}`,
  (dice) => `idle_timeout: ${dice.pick(['2s', '20s'])}`,
  (dice) => `max_duration: ${dice.pick(['10s', '60s'])}`,
]

function model(alias: string, hosts: readonly string[], dice: Dice): string[] {
  const routes = new Set(
    Array.from({ length: dice.between(1, 4) }, () => `backend: ${dice.pick(hosts)}, model: ${dice.pick(['u0', 'u1'])}`),
  )
  const own = dice.chance(0.3) ? [`    streaming: { ${dice.pick(aliasStreaming)} }`] : []
  return [
    `  ${alias}:`,
    ...own,
    '    routes:',
    ...[...routes].map(
      (route) => `      - { ${route}, priority: ${dice.between(1, 3)}, weight: ${dice.pick([0, 1, 1, 3])} }`,
    ),
  ]
}

const aliasStreaming = [
  'hold: true',
  'rescue: match',
  'rescue: off',
  'heartbeat: 1s',
  'heartbeat: 0',
  'on_disconnect: finish',
]

function fallback(aliases: readonly string[], dice: Dice): string {
  const parts = [
    `cooldown_seconds: ${dice.pick([0, 0, 1, 30])}`,
    `max_retries: ${dice.pick([0, 1, 2, 3, 5])}`,
    `when_all_cooling: ${dice.pick(['refuse', 'wait', 'least_bad'])}`,
    `deadline: ${dice.pick(['0', '0', '5s', '60s'])}`,
    `respect_retry_after: ${dice.chance(0.7)}`,
    `retry_after_max: ${dice.pick(['5s', '60s'])}`,
  ]
  if (aliases.length > 1 && dice.chance(0.4)) parts.push('alias_fallback: { m0: [m1] }')
  return parts.join(', ')
}

function retry(dice: Dice): string {
  return [
    `max_retries: ${dice.pick([0, 0, 1, 2])}`,
    `base_delay: ${dice.pick(['0', '100ms', '1s'])}`,
    `jitter: ${dice.pick(['full', 'none'])}`,
  ].join(', ')
}

function timeout(dice: Dice): string {
  return [
    `connect: ${dice.pick(['1s', '10s'])}`,
    `first_byte: ${dice.pick(['4s', '60s', '600s'])}`,
    `idle: ${dice.pick(['5s', '120s'])}`,
    `write: 5s`,
    `queue: 3s`,
    `total: ${dice.pick(['0', '0', '0', '25s'])}`,
  ].join(', ')
}

function streaming(dice: Dice): string {
  return [
    `heartbeat: ${dice.pick(['0', '1s', '5s', '15s'])}`,
    `json_keepalive: ${dice.chance(0.2)}`,
    `time_to_first_token: ${dice.pick(['0', '3s', '30s', '120s'])}`,
    `idle_timeout: ${dice.pick(['0', '2s', '60s'])}`,
    `max_duration: ${dice.pick(['0', '0', '10s', '60s'])}`,
    `rescue: ${dice.pick(['off', 'off', 'match', 'prefill', 'match_then_prefill'])}`,
    `hold: ${dice.chance(0.12)}`,
    `on_disconnect: ${dice.pick(['cancel', 'cancel', 'finish'])}`,
    `client_timeout: ${dice.pick(['10s', '300s'])}`,
  ].join(', ')
}

function breaker(dice: Dice): string {
  return [
    `failure_threshold: ${dice.pick([1, 1, 2, 3])}`,
    `open_timeout: ${dice.pick(['1s', '5s', '60s'])}`,
    `success_threshold: ${dice.between(1, 2)}`,
    `max_open_timeout: ${dice.pick(['1s', '20s', '600s'])}`,
    `max_ejection_percent: ${dice.pick([1, 50, 50, 100])}`,
  ].join(', ')
}

function outlier(dice: Dice): string {
  return [
    `interval: ${dice.pick(['1s', '10s', '60s'])}`,
    `min_requests: ${dice.pick([1, 1, 2, 5])}`,
    `failure_percent: ${dice.pick([20, 50, 100])}`,
    `ejection_time: ${dice.pick(['1s', '10s', '60s'])}`,
    `max_ejection_percent: ${dice.pick([1, 50, 50, 100])}`,
  ].join(', ')
}

function balancing(dice: Dice): string {
  return [
    `strategy: ${dice.pick(['weighted_random', 'round_robin', 'least_connections', 'latency', 'hash'])}`,
    `fail_open: ${dice.chance(0.5)}`,
    `slow_start: ${dice.pick(['0', '1s', '30s', '300s'])}`,
  ].join(', ')
}
