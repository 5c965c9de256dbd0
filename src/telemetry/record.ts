import type { Attempt, Exchange, SeenMessage } from '#core/exchange.ts'
import { shownUsd } from '#core/usage.ts'
import { printable } from '#kit/printable.ts'
import { bodyText } from './body-text.ts'
import type { Masker } from './mask.ts'
import { stateWords, type Language } from './messages.ts'
import { durationMsOf, reasonOf, stateOf } from './outcome.ts'

/**
 * The whole story of an exchange for people: request, every attempt, result. Bodies of good answers are left out: they
 * are what dumps are for. `startedAt`: when it came, in words.
 */
export function renderRecord(
  exchange: Exchange,
  startedAt: string,
  language: Language,
  masker: Masker | undefined,
): string {
  const words = labels[language]
  const plain = (text: string): string => printable(masker === undefined ? text : masker.mask(text))
  const reason = stateOf(exchange) === 'success' ? undefined : reasonOf(exchange)
  return [
    `${'='.repeat(20)} ${words.request} ${exchange.id} ${'='.repeat(20)}`,
    `${words.time}: ${startedAt}`,
    `${words.client}: ${exchange.client.address}${exchange.caller === undefined ? '' : ` (${plain(exchange.caller)})`}`,
    `${words.target}: ${exchange.method} ${plain(exchange.seen?.target ?? exchange.path)}`,
    `${words.model}: ${plain(exchange.alias ?? '-')}`,
    ...section(words.headers, headerLines(exchange.seen, masker)),
    ...section(words.body, bodyLines(exchange.seen?.body, masker)),
    ...exchange.attempts.flatMap((attempt, index) => {
      return section(`${words.attempt} ${index + 1}`, attemptLines(attempt, language, masker))
    }),
    ...section(words.result, [
      `${words.result}: ${stateWords[language][stateOf(exchange)]}`,
      `${words.status}: ${exchange.status}`,
      `${words.duration}: ${durationMsOf(exchange)}ms`,
      ...usageLines(exchange, words),
      ...(reason === undefined ? [] : [`${words.reason}: ${plain(reason)}`]),
    ]),
    '='.repeat(60),
    '',
  ].join('\n')
}

function usageLines(
  { usage, costUsd }: Exchange,
  words: Readonly<Record<'tokens' | 'estimated' | 'cost', string>>,
): string[] {
  if (usage === undefined) return []
  const { inputTokens, outputTokens, source } = usage
  const tokens = `${words.tokens}: ${inputTokens} + ${outputTokens}${source === 'estimated' ? ` (${words.estimated})` : ''}`
  return costUsd === undefined ? [tokens] : [tokens, `${words.cost}: $${shownUsd(costUsd)}`]
}

/** One line per header, credentials hidden. */
export function headerLines(message: SeenMessage | undefined, masker: Masker | undefined): string[] {
  return (message?.headers ?? []).map(([name, value]) => {
    return printable(`${name}: ${masker === undefined ? value : masker.maskHeader(name, value)}`)
  })
}

const labels = {
  en: {
    request: 'Request',
    time: 'Time',
    client: 'Client',
    target: 'Target',
    model: 'Model',
    headers: 'Request headers',
    body: 'Request body',
    attempt: 'Attempt',
    backend: 'Backend',
    status: 'Status',
    duration: 'Duration',
    reason: 'Reason',
    answer: 'Answer',
    result: 'Result',
    tokens: 'Tokens',
    estimated: 'estimated',
    cost: 'Cost',
  },
  zh: {
    request: '请求',
    time: '时间',
    client: '客户端',
    target: '目标',
    model: '模型',
    headers: '请求头',
    body: '请求体',
    attempt: '尝试',
    backend: '后端',
    status: '状态',
    duration: '耗时',
    reason: '原因',
    answer: '响应',
    result: '结果',
    tokens: '令牌',
    estimated: '估算',
    cost: '费用',
  },
} as const satisfies Readonly<Record<Language, Readonly<Record<string, string>>>>

function attemptLines(attempt: Attempt, language: Language, masker: Masker | undefined): string[] {
  const words = labels[language]
  const plain = (text: string): string => printable(masker === undefined ? text : masker.mask(text))
  const { failure } = attempt
  const lines = [
    `${words.backend}: ${plain(attempt.backend)}`,
    `${words.model}: ${plain(attempt.model)}`,
    `URL: ${plain(attempt.url)}`,
    `${words.status}: ${attempt.status ?? '-'}`,
    `${words.duration}: ${Math.round(attempt.durationMs)}ms`,
  ]
  if (failure !== undefined) {
    lines.push(`${words.reason}: ${plain(failure.message)}`)
    lines.push(...bodyLines(failure.held?.body, masker).map((text) => `${words.answer}: ${text}`))
  }
  return lines
}

function bodyLines(body: Uint8Array | undefined, masker: Masker | undefined): string[] {
  const text = bodyText(body, masker)
  return text === '' ? [] : [text]
}

function section(title: string, lines: readonly string[]): string[] {
  return [`${'-'.repeat(20)} ${title} ${'-'.repeat(20)}`, ...lines]
}
