import * as v from 'valibot'

/** Limit: the largest number that a limit may be. */
const limitMax = 1_000_000_000

function limit(what: string): v.GenericSchema<number> {
  return v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limitMax), v.description(what))
}

/** One number of a request that costs money. */
function cap(what: string): v.GenericSchema<CapInput, Cap> {
  return v.pipe(
    v.strictObject({
      max: v.pipe(
        v.number(),
        v.integer(),
        v.minValue(0),
        v.maxValue(limitMax),
        v.description('The largest value that goes through.'),
      ),
      action: v.optional(
        v.pipe(
          v.picklist(['refuse', 'clamp'], 'expected "refuse" or "clamp"'),
          v.description('A larger value is refused with 400, or made this large.'),
        ),
        'refuse',
      ),
    }),
    v.description(what),
  )
}

interface CapInput {
  readonly max: number
  readonly action?: Cap['action'] | undefined
}

/** A cap, as the operator wrote it. */
export interface Cap {
  readonly max: number
  readonly action: 'refuse' | 'clamp'
}

/** The `validation.caps` section: numbers that multiply what a request costs. */
const CapsSchema = v.strictObject({
  n: v.optional(cap('Answers to one request: `n`, of Gemini `candidateCount`.')),
  best_of: v.optional(cap('Answers that are made to choose from: `best_of`.')),
  max_tokens: v.optional(
    cap(
      'Tokens of an answer: `max_tokens`, `max_completion_tokens`, `max_output_tokens`, `maxOutputTokens`, `num_predict`. A request that names none is not changed.',
    ),
  ),
  logprobs: v.optional(
    cap('Alternatives to each token: `top_logprobs`, `prompt_logprobs`, and `logprobs` where it is a number.'),
  ),
})

/** The `validation` section: what clients may ask for. */
export const ValidationSchema = v.strictObject({
  schema: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Refuse what no backend would take, before one is asked: unknown roles, contents and tools of the wrong kind, temperatures out of range.',
      ),
    ),
    false,
  ),
  max_messages: v.optional(limit('Most messages in a request, the prompts of a list counted alike. 0: no limit.'), 0),
  max_message_length: v.optional(
    limit('Most characters of text in one message or system prompt; images and files do not count. 0: no limit.'),
    0,
  ),
  caps: v.optional(v.pipe(CapsSchema, v.description('Limits to numbers that multiply what a request costs.')), {}),
})

/** The `validation` section, with defaults filled in. */
export type ValidationSettings = v.InferOutput<typeof ValidationSchema>
