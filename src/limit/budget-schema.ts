import * as v from 'valibot'
import { isTimeZone } from '#kit/time-zone.ts'

/** Limit: the largest sum and the largest number of tokens. */
const amountMax = 1_000_000_000_000

/** `budgets[]`: money or tokens per period. */
const BudgetSchema = v.pipe(
  v.strictObject({
    name: v.optional(
      v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(64),
        v.description('How refusals, logs and metrics call it. Absent: made of scope, match and period.'),
      ),
    ),
    scope: v.pipe(
      v.picklist(['global', 'key', 'model', 'backend']),
      v.description(
        'Whose it is. global: all requests together. key: each caller. model: each alias. backend: each backend; one that has spent it is passed over.',
      ),
    ),
    match: v.optional(
      v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(512),
        v.description(
          'Only callers, aliases or backends like this; `*` stands for any characters. Each has the budget for itself. Absent: all.',
        ),
      ),
    ),
    per: v.pipe(
      v.picklist(['hour', 'day', 'week', 'month']),
      v.description('For how long it is. Weeks begin on Monday.'),
    ),
    usd: v.optional(
      v.pipe(v.number(), v.minValue(0), v.maxValue(amountMax), v.description('US dollars, by the prices of `usage`.')),
    ),
    tokens: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(0),
        v.maxValue(amountMax),
        v.description('Tokens of prompts and answers.'),
      ),
    ),
    timezone: v.optional(
      v.pipe(
        v.string(),
        v.check(isTimeZone, 'expected a time zone such as "UTC" or "Europe/Berlin"'),
        v.description('Where its hours, days, weeks and months begin.'),
      ),
      'UTC',
    ),
    alert_at: v.optional(
      v.pipe(
        v.number(),
        v.minValue(0.01),
        v.maxValue(1),
        v.description(
          'Part of it from which on the log tells of it, once in each period, and again when all is spent.',
        ),
      ),
      0.8,
    ),
    on_exceeded: v.optional(
      v.pipe(
        v.picklist(['refuse', 'warn', 'fallback']),
        v.description(
          'When it is spent. refuse: 429. warn: the log tells, and nothing else happens. fallback: the fallback aliases of the asked alias answer; without any: 429.',
        ),
      ),
      'refuse',
    ),
  }),
  v.forward(
    v.check(({ usd, tokens }) => usd !== undefined || tokens !== undefined, 'expected "usd", "tokens" or both'),
    ['usd'],
  ),
  v.forward(
    v.check(
      ({ scope, match }) => scope !== 'global' || match === undefined,
      'expected nothing here beside "scope: global"',
    ),
    ['match'],
  ),
)

/** The `budgets` section. */
export const BudgetsSchema = v.pipe(
  v.array(BudgetSchema),
  v.maxLength(1000),
  v.description('Money and tokens per hour, day, week or month. All that apply to a request count.'),
)
