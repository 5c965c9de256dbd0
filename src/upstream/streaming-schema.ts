import * as v from 'valibot'
import { durationSchema, type Bounds } from '#kit/quantity-schema.ts'
import type { PrefillStyle } from '#core/candidate.ts'
import { stringKeys } from '#kit/string-keys.ts'

const anHour: Bounds = { max: 3_600_000 }
const aDay: Bounds = { max: 86_400_000 }

const clocks = {
  time_to_first_token: durationSchema(
    'From the start of an attempt to the first content of its stream; then another route is asked. 0: no limit.',
    aDay,
  ),
  idle_timeout: durationSchema(
    'Longest pause of a stream after its first content; the shorter of this and `timeout.idle` counts. 0: no limit.',
    aDay,
  ),
  max_duration: durationSchema('Longest time that a stream may go on after its first content. 0: no limit.', aDay),
}

const rescueModes = {
  off: 'off',
  match: 'match',
  prefill: 'prefill',
  match_then_prefill: 'match_then_prefill',
} as const

const promises = {
  heartbeat: durationSchema(
    'Silence after which the client of a stream gets a sign of life that its program passes over. 0: none.',
    anHour,
  ),
  json_keepalive: v.pipe(
    v.boolean(),
    v.description(
      'Send blanks, at the pace of `heartbeat`, while an answer that is no stream is awaited. Its status is 200 then, even when it fails.',
    ),
  ),
  rescue: v.pipe(
    v.union(
      [v.literal(false), v.picklist(stringKeys(rescueModes))],
      'expected "off", "match", "prefill" or "match_then_prefill"',
    ),
    v.description(
      'What is tried when a stream breaks after its first content: `match` has another route repeat the text, ' +
        '`prefill` has it go on with it. `off`: the stream ends with an error.',
    ),
    // A bare `off` is false to YAML 1.1, and a word to us.
    v.transform((mode) => (mode === false ? 'off' : rescueModes[mode])),
  ),
  hold: v.pipe(v.boolean(), v.description('Await the whole answer of a stream and send it only when it is complete.')),
  on_disconnect: v.pipe(
    v.picklist(['cancel', 'finish']),
    v.description('What becomes of a stream whose client leaves: `finish` reads it to its end, for the accounts.'),
  ),
  client_timeout: durationSchema(
    'How long a client may take nothing of what waits for it before its stream is given up. 0: no limit.',
    aDay,
  ),
}

/** The `streaming` section: what clients of streams are promised. */
export const StreamingSchema = v.strictObject({
  heartbeat: v.optional(promises.heartbeat, '15s'),
  json_keepalive: v.optional(promises.json_keepalive, false),
  time_to_first_token: v.optional(clocks.time_to_first_token, '120s'),
  idle_timeout: v.optional(clocks.idle_timeout, '60s'),
  max_duration: v.optional(clocks.max_duration, 0),
  rescue: v.optional(promises.rescue, 'off'),
  hold: v.optional(promises.hold, false),
  on_disconnect: v.optional(promises.on_disconnect, 'cancel'),
  client_timeout: v.optional(promises.client_timeout, '300s'),
})

/** `models.<alias>.streaming`: what differs for one alias. */
export const AliasStreamingSchema = v.strictObject({
  heartbeat: v.optional(promises.heartbeat),
  json_keepalive: v.optional(promises.json_keepalive),
  time_to_first_token: v.optional(clocks.time_to_first_token),
  idle_timeout: v.optional(clocks.idle_timeout),
  max_duration: v.optional(clocks.max_duration),
  rescue: v.optional(promises.rescue),
  hold: v.optional(promises.hold),
  on_disconnect: v.optional(promises.on_disconnect),
  client_timeout: v.optional(promises.client_timeout),
})

const prefillStyles: Readonly<Record<string, PrefillStyle | 'none'>> = {
  none: 'none',
  plain: 'plain',
  prefix: 'prefix',
  continue: 'continue',
}

/** Keys of `backends[]` about streams. */
export const streamEntries = {
  streaming: v.optional(
    v.pipe(
      v.strictObject({
        time_to_first_token: v.optional(clocks.time_to_first_token),
        idle_timeout: v.optional(clocks.idle_timeout),
        max_duration: v.optional(clocks.max_duration),
      }),
      v.description('Time limits of the streams of this backend, where they differ from those of alias and section.'),
    ),
    {},
  ),
  prefill: v.optional(
    v.pipe(
      v.picklist(['none', 'plain', 'prefix', 'continue']),
      v.description(
        'How this backend is asked to go on with a text (`streaming.rescue`): `plain` a last message of the assistant, ' +
          '`prefix` the same with `"prefix": true`, `continue` the same with `"continue_final_message": true`. ' +
          'Default: `plain` for Anthropic, `prefix` for Mistral, else `none`.',
      ),
      v.transform((style) => prefillStyles[style] ?? 'none'),
    ),
  ),
}
