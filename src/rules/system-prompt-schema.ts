import * as v from 'valibot'

/** What may be said of a prompt in the configuration, and in front of the text of its file. */
export const promptEntries = {
  enabled: v.optional(v.pipe(v.boolean(), v.description('`false`: it is left out.'))),
  models: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
      v.maxLength(1000),
      v.description('Aliases that it is for, `*` for any characters; absent: all.'),
    ),
  ),
  position: v.optional(
    v.pipe(
      v.picklist(['before', 'after', 'prepend', 'append']),
      v.description(
        'Whether it stands before what the client says to the model, or after it. `prepend` and `append` mean the same. Default: before.',
      ),
    ),
  ),
  separator: v.optional(
    v.pipe(
      v.picklist(['newline', 'double-newline', 'none', 'custom']),
      v.description('What stands between it and the text beside it. Default: double-newline.'),
    ),
  ),
  custom_separator: v.optional(
    v.pipe(v.string(), v.maxLength(1000), v.description('The text of a separator that is `custom`.')),
  ),
  priority: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(-1_000_000),
      v.maxValue(1_000_000),
      v.description('The lower one comes first. Default: 0.'),
    ),
  ),
  variables: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(/^[A-Za-z_]\w{0,127}$/, 'expected a name such as "TEAM" or "_OS"')),
        v.pipe(v.string(), v.maxLength(65_536)),
      ),
      v.description('What `${NAME}` stands for, in place of what it stands for otherwise.'),
    ),
  ),
}

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))

const SystemPromptSchema = v.pipe(
  v.strictObject({
    text: v.optional(v.pipe(v.string(), v.maxLength(1_048_576), v.description('The prompt itself.'))),
    file: v.optional(
      v.pipe(
        path,
        v.description(
          'A file that holds it, such as `system_prompt.md`. A relative path starts at the folder of the configuration; the file is watched like the configuration itself.',
        ),
      ),
    ),
    dir: v.optional(
      v.pipe(
        path,
        v.description(
          'Files of one folder, each a prompt of its own: `system_prompts/*.md`, or the folder for all files of it that end in `.md`.',
        ),
      ),
    ),
    ...promptEntries,
  }),
  v.check(
    ({ text, file, dir }) => [text, file, dir].filter((source) => source !== undefined).length === 1,
    'expected one of "text", "file" and "dir"',
  ),
)

/** The `system_prompts` section: what models are told besides what clients tell them. */
export const SystemPromptsSchema = v.pipe(
  v.array(SystemPromptSchema),
  v.maxLength(1000),
  v.description('What models are told besides what clients tell them.'),
)

export type PromptSettings = v.InferOutput<typeof SystemPromptsSchema>[number]
