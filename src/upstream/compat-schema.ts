import * as v from 'valibot'

/** The `compat` section: what happens to requests whose form a backend does not speak. */
export const CompatSchema = v.strictObject({
  translate: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Ask backends of other forms by translating requests and answers. false: only those that speak it.',
      ),
    ),
    true,
  ),
  mode: v.optional(
    v.pipe(
      v.picklist(['warn', 'strict', 'lenient']),
      v.description(
        'What becomes of fields that a backend cannot be told. warn: hints are dropped and named in x-llm-proxy-warnings, ' +
          'what the answer would be wrong without is refused with 400. strict: hints are refused too. lenient: what can be ' +
          'dropped is dropped. A request can say otherwise by x-llm-proxy-compat.',
      ),
    ),
    'warn',
  ),
  prefer_native: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Among routes of one priority ask those first whose requests need no translation.'),
    ),
    true,
  ),
  inline_system: v.optional(
    v.pipe(
      v.picklist(['user_tagged', 'hoist']),
      v.description(
        'System messages in the middle, for backends that take none there. user_tagged: they stay, as text of the user in ' +
          '<system-reminder>. hoist: they are put behind those at the beginning.',
      ),
    ),
    'user_tagged',
  ),
  repair_history: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Results of tools without a call are dropped, and missing ones made up, where a backend would refuse the request. ' +
          'false: it is refused with 400.',
      ),
    ),
    true,
  ),
  auto_cache: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Set cache breakpoints for Claude in long prompts of clients whose form has none.'),
    ),
    true,
  ),
  forward_identity: v.optional(
    v.pipe(v.boolean(), v.description('Tell other providers too who the user is, as the client wrote it.')),
    false,
  ),
  chat_reasoning: v.optional(
    v.pipe(
      v.picklist(['reasoning_content', 'reasoning', 'both', 'off']),
      v.description('Field in which Chat clients get the thoughts of a model.'),
    ),
    'reasoning_content',
  ),
  hosted_tools: v.optional(
    v.pipe(
      v.picklist(['drop', 'map']),
      v.description(
        'Tools that a provider carries out itself. drop: they are left out. map: a search of the web becomes that of the backend.',
      ),
    ),
    'drop',
  ),
  media_fetch: v.optional(
    v.pipe(
      v.picklist(['when_needed', 'never']),
      v.description(
        'Images and files by address, for backends that take none. when_needed: they are fetched, by https and from the ' +
          'public internet alone. never: they are refused with 400.',
      ),
    ),
    'when_needed',
  ),
  n: v.optional(
    v.pipe(
      v.picklist(['reject', 'fanout']),
      v.description(
        'Several answers to one request (n, candidateCount), for backends that give one at a time. reject: they are refused ' +
          'with 400. fanout: the backend is asked once for each, 128 times at most, and the prompt is paid for each time.',
      ),
    ),
    'reject',
  ),
  normalize_embeddings: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Bring vectors of Gemini to the length 1 where the client asked for fewer dimensions than the model has: Google ' +
          'does so for whole ones only.',
      ),
    ),
    false,
  ),
  citations: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Tell clients of sources of which the backend does not say what in the text they are the source of. false: they are ' +
          'left out.',
      ),
    ),
    true,
  ),
  enforce_single_tool_call: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Cut an answer behind its first call of a tool where the client wants one at a time (parallel_tool_calls: false) and ' +
          'the backend cannot be told so.',
      ),
    ),
    false,
  ),
  responses_reasoning_text: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Show Responses clients all thoughts that a backend tells, as summaries. false: only where the request has ' +
          'reasoning.summary.',
      ),
    ),
    true,
  ),
  missing_item_reference: v.optional(
    v.pipe(
      v.picklist(['drop', 'refuse']),
      v.description(
        'References of Responses clients to earlier thoughts that nobody remembers. drop: they are left out, as the answer ' +
          'behind them tells enough. refuse: the request is refused with 400.',
      ),
    ),
    'drop',
  ),
})

const name = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'expected the name of a field'))

/** `apis` and `profile` of a backend. */
export const compatEntries = {
  apis: v.optional(
    v.pipe(
      v.array(v.picklist(['chat', 'completions', 'responses', 'embeddings'])),
      v.description(
        'Of the APIs of OpenAI, those that the backend has; others are translated. Default: all, but for deepseek, mistral ' +
          'and cohere, which have no responses.',
      ),
    ),
  ),
  profile: v.optional(
    v.pipe(
      v.strictObject({
        max_output_tokens: v.optional(
          v.pipe(
            v.number(),
            v.integer(),
            v.minValue(1),
            v.maxValue(100_000_000),
            v.description('Tokens that an answer may have where the client sets no limit and the API wants one.'),
          ),
        ),
        max_tokens_field: v.optional(
          v.pipe(v.picklist(['max_tokens', 'max_completion_tokens']), v.description('Name of that limit in Chat.')),
        ),
        system_role: v.optional(
          v.pipe(v.picklist(['system', 'developer', 'user']), v.description('Role of system messages in Chat.')),
        ),
        single_system: v.optional(v.pipe(v.boolean(), v.description('It takes one system message only.'))),
        sampling: v.optional(
          v.pipe(
            v.picklist(['none', 'without_reasoning', 'all']),
            v.description('When it takes temperature and the like.'),
          ),
        ),
        stop_max: v.optional(
          v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000), v.description('Stop sequences it takes.')),
        ),
        media: v.optional(
          v.pipe(v.array(v.picklist(['image', 'audio', 'video', 'file'])), v.description('Media it can read.')),
        ),
        structured: v.optional(
          v.pipe(
            v.picklist(['native', 'tool', 'instruction']),
            v.description('How it is asked for JSON of a schema: by its API, by a tool that it must call, by words.'),
          ),
        ),
        reasoning: v.optional(
          v.pipe(
            v.picklist(['effort', 'adaptive', 'budget', 'level', 'toggle', 'think', 'none']),
            v.description('How it is asked to think.'),
          ),
        ),
        reasoning_field: v.optional(
          v.pipe(v.picklist(['reasoning_content', 'reasoning']), v.description('Field of Chat with its thoughts.')),
        ),
        reasoning_history: v.optional(
          v.pipe(
            v.picklist(['drop', 'require', 'optional']),
            v.description('Whether it wants to see its earlier thoughts again.'),
          ),
        ),
        reasoning_tags: v.optional(
          v.pipe(v.boolean(), v.description('It writes its thoughts between <think> and </think> in the text.')),
        ),
        include_usage: v.optional(
          v.pipe(v.boolean(), v.description('It can be asked for the usage at the end of a stream of Chat.')),
        ),
        always_stream: v.optional(v.pipe(v.boolean(), v.description('It answers by streams only.'))),
        refuses: v.optional(
          v.pipe(v.array(name), v.maxLength(100), v.description('Fields of its API that it refuses.')),
        ),
      }),
      v.description('What its models can do, where it differs from what is known of their names.'),
    ),
    {},
  ),
}
