import * as v from 'valibot'

/** Rules that are known by name. */
export const middlewareNames = ['request_modifier', 'response_transformer'] as const

const headers = v.record(
  v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'expected a header name')),
  v.pipe(
    v.string(),
    v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'expected a header value of Latin-1 without line breaks'),
  ),
)

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(512))

const MiddlewareSchema = v.strictObject({
  name: v.pipe(
    v.picklist(middlewareNames, `expected one of ${middlewareNames.map((known) => `"${known}"`).join(' and ')}`),
    v.description('What it does: `request_modifier` changes requests, `response_transformer` answers.'),
  ),
  enabled: v.optional(v.pipe(v.boolean(), v.description('`false`: it is left out.')), true),
  config: v.optional(
    v.pipe(
      v.strictObject({
        add_headers: v.optional(
          v.pipe(
            headers,
            v.metadata({ 'x-secret': true }),
            v.description(
              "Of `request_modifier`: headers that every backend is sent, in place of the client's of the same names; `backends[].headers` win over them.",
            ),
          ),
        ),
        modify_model: v.optional(
          v.pipe(
            v.strictObject({
              rules: v.pipe(
                v.array(
                  v.strictObject({
                    pattern: v.pipe(name, v.description('The alias that was asked for, `*` for any characters.')),
                    replace: v.pipe(
                      name,
                      v.description(
                        'The alias that is meant; each `*` in it is what the same one of the pattern stood for.',
                      ),
                    ),
                  }),
                ),
                v.maxLength(1000),
                v.description('The first one that fits counts.'),
              ),
            }),
            v.description('Of `request_modifier`: another alias than the one that was asked for.'),
          ),
        ),
        strip_fields: v.optional(
          v.pipe(
            v.array(
              v.pipe(
                v.string(),
                v.maxLength(1000),
                v.regex(
                  /^[^.]+(?:\.[^.]+)*$/,
                  'expected a name such as "_meta", or a path such as "choices.*.logprobs"',
                ),
              ),
            ),
            v.maxLength(200),
            v.description(
              'Of `response_transformer`: members that are taken out of answers and of every event of streams: names, or paths with dots, `*` for any key or index.',
            ),
          ),
        ),
        add_fields: v.optional(
          v.pipe(
            v.record(
              v.pipe(
                v.string(),
                v.minLength(1),
                v.maxLength(200),
                v.regex(/^(?!\*$)/, 'expected the name of one member'),
              ),
              v.unknown(),
            ),
            v.description(
              'Of `response_transformer`: members that are added to answers and to every event of streams; `{now}` in a text is the time. Of `request_modifier`: members that requests get which have none of that name.',
            ),
          ),
        ),
      }),
      v.description('What it is to do.'),
    ),
    {},
  ),
})

/** The `middleware` section: changes of requests and answers, in this order. */
export const MiddlewareListSchema = v.pipe(
  v.array(MiddlewareSchema),
  v.maxLength(100),
  v.description('Changes of requests and answers, one after the other.'),
)

export type MiddlewareSettings = v.InferOutput<typeof MiddlewareListSchema>[number]
