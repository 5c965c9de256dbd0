import { describe, expect, test } from 'bun:test'
import type { Profile, ProfileOverrides } from '#core/profile.ts'
import { profileOf } from '#translate/profiles.ts'
import { repairFor, withRepair } from '#translate/repair.ts'

const chat = { ...profileOf('chat', 'openai', 'some-model'), refuses: new Set<string>() }
const claude = profileOf('messages', 'anthropic', 'claude-sonnet-4-5')
const newest = profileOf('messages', 'anthropic', 'claude-opus-4-8')
const gpt = profileOf('chat', 'openai', 'gpt-5')
const gemini = profileOf('gemini', 'gemini', 'gemini-2.5-pro')

const rows: readonly [message: string, profile: Profile, own: ProfileOverrides | undefined][] = [
  [
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    { ...chat, maxTokensField: 'max_tokens' },
    { maxTokensField: 'max_completion_tokens' },
  ],
  ["Use 'max_completion_tokens' instead.", { ...chat, maxTokensField: 'max_completion_tokens' }, undefined],
  ['Unrecognized request argument supplied: max_completion_tokens', gpt, { maxTokensField: 'max_tokens' }],
  [
    '`temperature` and `top_p` cannot both be specified for this model.',
    { ...claude, takesTemperatureWithTopP: true },
    { takesTemperatureWithTopP: false },
  ],
  ["Unsupported parameter: 'temperature' is not supported with this model.", chat, { sampling: 'none' }],
  [
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
    chat,
    { sampling: 'none' },
  ],
  ['temperature: Extra inputs are not permitted', claude, { sampling: 'none' }],
  ['Unknown field: stream_options', chat, { includesUsage: false }],
  [
    "Unsupported value: 'messages[0].role' does not support 'developer' with this model.",
    { ...chat, systemRole: 'developer' },
    { systemRole: 'system' },
  ],
  [
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    { ...chat, systemRole: 'system' },
    { systemRole: 'user' },
  ],
  [
    "output_config.effort 'xhigh' is not supported for this model. Supported values are: high, low, max, medium",
    newest,
    { reasoning: { efforts: ['low', 'medium', 'high', 'max'] } },
  ],
  ['adaptive thinking is not supported on this model', newest, { reasoning: { style: 'budget' } }],
  [
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" instead',
    { ...claude, reasoning: { ...claude.reasoning, style: 'budget' } },
    { reasoning: { style: 'adaptive' } },
  ],
  ['messages.1.content.0: Invalid `signature` in `thinking` block', claude, { family: '' }],
  ['Encrypted content item_id did not match the target item id.', gpt, { family: '' }],
  [
    'Invalid JSON payload received. Unknown name "additionalProperties" at tools[0]',
    gemini,
    { takesJsonSchema: false },
  ],
  ['Unrecognized request argument supplied: logit_bias', chat, { refuses: new Set([...chat.refuses, 'logit_bias']) }],
  ['store: Extra inputs are not permitted', chat, { refuses: new Set([...chat.refuses, 'store']) }],
  ["property 'service_tier' is unsupported", chat, { refuses: new Set([...chat.refuses, 'service_tier']) }],
  ['Unsupported parameter: messages', chat, undefined],
  ['Unknown parameter: tools', chat, undefined],
  ['This model does not support tools', chat, undefined],
  ['prompt is too long: 210000 tokens > 200000 maximum', claude, undefined],
]

describe('repairFor()', () => {
  test.each(rows)('"%s"', (message, profile, own) => {
    expect(repairFor(message, profile)?.own).toEqual(own)
  })

  test('what is about the thoughts of one request says nothing about the model', () => {
    expect(repairFor('Invalid `signature` in `thinking` block', claude)?.isForOne).toBe(true)
    expect(repairFor('temperature: Extra inputs are not permitted', claude)?.isForOne).toBeUndefined()
  })

  test('says nothing twice: what was learned and did not help is not tried again', () => {
    for (const [message, profile, own] of rows) {
      if (own === undefined) continue
      const { reasoning, ...rest } = own
      const learned = { ...profile, ...rest, reasoning: { ...profile.reasoning, ...reasoning } }
      // From developer to system there is one more step.
      if (learned.systemRole === 'system' && own.systemRole === 'system') continue
      expect([message, repairFor(message, learned)?.own]).not.toEqual([message, own])
    }
  })

  test('takes no message for long, however it is written', () => {
    const started = performance.now()
    for (const word of [
      'unsupported ',
      'effort supported values are: high, ',
      'thinking ',
      'unknown system ',
      'temperature top_p ',
    ])
      repairFor(word.repeat(500 / word.length), chat)
    expect(performance.now() - started).toBeLessThan(200)
  })
})

test('what is learned later adds to what was learned earlier', () => {
  const one = { rule: 'a', own: { sampling: 'none', reasoning: { style: 'budget' } } } as const
  const other = { rule: 'b', own: { reasoning: { efforts: ['low'] } } } as const
  expect(withRepair(withRepair({}, one), other)).toEqual({
    sampling: 'none',
    reasoning: { style: 'budget', efforts: ['low'] },
  })
})
