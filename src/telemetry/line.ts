import { printable, printableBlock } from '#kit/printable.ts'
import type { EventName, Level, LogFields } from '#ports/log.ts'
import type { Masker } from './mask.ts'
import { stateWords, wordingOf, type Language, type RequestState } from './messages.ts'
import { fillWording, type Show } from './wording.ts'
import type { Stamp } from './stamp.ts'

/** Fields as they may be shown: masked, unless `masker` is undefined, and of bounded length. */
export function showing(masker: Masker | undefined): Showing {
  return {
    raw: (name, text) => (name === 'requestId' ? text : shownText(name, text, masker)),
    inLine: (name, text) => {
      // Nearly all fields were seen before, and a message is never looked through as a whole.
      if (name === 'requestId' || masker?.isClean(text) === true) return text
      return printable(shownText(name, text, masker))
    },
  }
}

/** The two ways to show a field. */
export interface Showing {
  /** For what escapes by itself: JSON, indented blocks. */
  readonly raw: Show
  /** For a sentence: nothing in it can end the line. */
  readonly inLine: Show
}

/**
 * One event for people, from ` [req_…] message` on, line feed included, with the indented block that belongs to some
 * events. Before it stand the time and the level, which the console alone colours.
 */
export function textLine(language: Language, event: EventName, fields: LogFields, show: Showing): string {
  const spoken = language === 'en' ? fields : withWords(fields, language)
  const message = fillWording(wordingOf(language, event), spoken, show.inLine)
  const known = fields['requestId']
  const part = parts[event]
  const id = `${typeof known === 'string' ? ` [${known}]` : ''}${part === undefined ? '' : `${typeof known === 'string' ? '' : ' '}[${part}]`}`
  const name = fields['text'] === undefined ? 'stack' : 'text'
  const block = fields[name]
  return `${id} ${message}\n${typeof block === 'string' ? indented(show.raw(name, block)) : ''}`
}

/** Which part of the work an event is about, where a reader may want to look for it: balancing, tokens, sending on. */
const parts: Readonly<Partial<Record<EventName, string>>> = {
  credential_used: 'LB',
  credential_rested: 'LB',
  credential_switched: 'LB',
  credentials_exhausted: 'LB',
  credentials_reset: 'LB',
  credential_token: 'JWT',
  credential_token_failed: 'JWT',
  attempt_started: 'FWD',
}

/** `[2026-01-13 09:41:00] ` */
export function stampText(stamp: Stamp, language: Language): string {
  return language === 'zh' ? `[${stamp.chinese}] ` : `[${stamp.plain}] `
}

/** `[INFO]` and its siblings. */
export const levelTags: Readonly<Record<Level, string>> = {
  error: '[ERROR]',
  warn: '[WARN]',
  info: '[INFO]',
  debug: '[DEBUG]',
}

/** One event for machines: an object on a line of its own, names in snake case. */
export function jsonLine(
  time: string,
  level: Level,
  language: Language,
  event: EventName,
  fields: LogFields,
  show: Show,
): string {
  const spoken = language === 'en' ? fields : withWords(fields, language)
  const line: Record<string, unknown> = {
    time,
    level,
    event,
    msg: fillWording(wordingOf(language, event), spoken, show),
    request_id: fields['requestId'],
  }
  for (const name in fields) {
    if (name === 'requestId') continue
    const value = fields[name]
    line[snakeCase(name)] = typeof value === 'string' ? show(name, value) : value
  }
  // JSON allows these two, readers that split at every kind of line end do not.
  const text = JSON.stringify(line).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
  return `${text}\n`
}

/** Limit: characters of one field; blocks (stacks, request records) have a limit of their own, where they are made. */
const fieldLengthMax = 4096
const stackLengthMax = 16_384

function shownText(name: string, value: string, masker: Masker | undefined): string {
  // Hidden first and cut afterwards: half a key is not recognised as one.
  const masked = masker === undefined ? value : masker.mask(value)
  if (name === 'text') return masked
  const lengthMax = name === 'stack' ? stackLengthMax : fieldLengthMax
  return masked.length <= lengthMax ? masked : `${masked.slice(0, lengthMax)}… (${masked.length} characters)`
}

/** Indented, so that no line of it can pass for a record. */
function indented(block: string): string {
  return `    ${printableBlock(block).replaceAll('\n', '\n    ')}\n`
}

function withWords(fields: LogFields, language: Language): LogFields {
  const state = fields['state']
  if (typeof state !== 'string' || !isState(state)) return fields
  return { ...fields, state: stateWords[language][state] }
}

function isState(word: string): word is RequestState {
  return word in stateWords.en
}

const snakeNames = new Map<string, string>()

/** Names of fields are a closed set, so the map stays small. */
function snakeCase(name: string): string {
  const known = snakeNames.get(name)
  if (known !== undefined) return known
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  snakeNames.set(name, snake)
  return snake
}
