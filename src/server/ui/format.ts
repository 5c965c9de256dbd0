import type { Tally } from './model.ts'
import { fill, type Language, type Words } from './words.ts'

/**
 * A text of others as it may be shown: what would turn the reading direction around, hide itself or move the cursor is
 * written as its code. The browser is only ever given it as text.
 */
export function shownText(text: string, lengthMax = 500): string {
  // The half of a pair that the cut would leave goes as well.
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '')}…` : text
  return cut.replaceAll(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/* Controls, soft hyphen, what has no width, separators of lines, what changes the writing direction, invisible tags, halves of pairs. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu

/** `850 ms`, `12 s`, `4 min`, `3 h`, `12 d`: in the largest unit of which there are two. */
export function durationText(ms: number, words: Words): string {
  const unit = units.find(({ fromMs }) => ms >= fromMs)
  if (unit === undefined) return fill(words.milliseconds, { count: Math.round(ms) })
  return fill(words[unit.name], { count: Math.floor(ms / unit.ms) })
}

const units = [
  { name: 'days', ms: 86_400_000, fromMs: 172_800_000 },
  { name: 'hours', ms: 3_600_000, fromMs: 7_200_000 },
  { name: 'minutes', ms: 60_000, fromMs: 120_000 },
  { name: 'seconds', ms: 1000, fromMs: 1000 },
] as const

/** Figures are told in milliseconds until nobody cares for them. */
export function latencyText(ms: number, words: Words): string {
  return ms < 10_000 ? fill(words.milliseconds, { count: Math.round(ms) }) : durationText(ms, words)
}

/** What is left of a rest, in whole seconds: it ends no earlier than it says. */
export function leftText(ms: number, words: Words): string {
  return fill(words.leftText, { time: durationText(Math.max(1, Math.ceil(ms / 1000)) * 1000, words) })
}

export function agoText(ms: number, words: Words): string {
  return ms < 2000 ? words.justNow : fill(words.ago, { time: durationText(ms, words) })
}

/** `3 of 4`, or that nobody can tell. */
export function tallyText({ up, unseen, all }: Tally, words: Words): string {
  if (all === 0) return '–'
  return unseen === all ? words.unseen : fill(words.ofAll, { up, all })
}

/** `zone`: an IANA name; empty: that of the viewer. */
export function timeText(ms: number, language: Language, zone: string): string {
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'medium',
    ...(zone !== '' && { timeZone: zone }),
  }).format(ms)
}

/** Undefined for what is no time. */
export function momentOf(iso: string | undefined): number | undefined {
  const ms = iso === undefined ? Number.NaN : Date.parse(iso)
  return Number.isNaN(ms) ? undefined : ms
}
