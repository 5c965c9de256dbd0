/**
 * What a model on a backend can do and how it wants to be asked. Defaults by form, refined by protocol and by the name of
 * the model (`profiles.ts`), overruled by the config.
 */
export interface Profile {
  /** Of the provider whose opaque thoughts it understands: `claude`, `gpt`, `gemini`, …; empty: nobody's. */
  readonly family: string
  /** Default of the forms that must be told how many tokens they may write; the model's own maximum. */
  readonly outputTokensMax: number
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens'
  /** `user`: it refuses both others, so that what they say stands in the first message of the user. */
  readonly systemRole: 'system' | 'developer' | 'user'
  readonly takesInlineSystem: boolean
  readonly wantsSingleSystem: boolean
  readonly mustStartWithUser: boolean
  /** Temperature and its like: never; only while it does not reason; always. */
  readonly sampling: 'none' | 'without_reasoning' | 'all'
  readonly temperatureMax: number
  readonly takesTemperatureWithTopP: boolean
  readonly stopMax: number
  readonly takesN: boolean
  readonly takesPrefill: boolean
  readonly media: ReadonlySet<'image' | 'audio' | 'video' | 'file'>
  /** Media by address, for images and for files. */
  readonly takesMediaUrls: boolean
  readonly reasoning: ReasoningProfile
  readonly structured: 'native' | 'tool' | 'instruction'
  readonly takesJsonWithTools: boolean
  /** Full JSON Schema where the form has two spellings (Gemini). */
  readonly takesJsonSchema: boolean
  readonly takesMediaInResults: boolean
  readonly takesParallelSwitch: boolean
  readonly takesForcedTool: boolean
  /** `strict` of tools. */
  readonly takesStrict: boolean
  readonly toolIdMax: number
  readonly toolNameMax: number
  readonly toolIdForm: 'any' | 'anthropic' | 'mistral'
  /** Ids of calls may be sent along (Gemini). */
  readonly takesCallIds: boolean
  /** `stream_options.include_usage` may be sent. */
  readonly includesUsage: boolean
  /** Cache breakpoints have an effect. */
  readonly takesCacheHints: boolean
  /** Top-level fields of the backend's form that it refuses, though its form has them. */
  readonly refuses: ReadonlySet<string>
  /** Only streams are answered, or long answers only as streams. */
  readonly alwaysStreams: boolean
}

export interface ReasoningProfile {
  /**
   * How it is asked to think: by effort; Claude's adaptive thinking; a budget of tokens; Gemini 3's level; a switch in
   * `switchField`; Ollama's `think`; not at all.
   */
  readonly style: 'effort' | 'adaptive' | 'budget' | 'level' | 'toggle' | 'think' | 'none'
  /** Those that it accepts, weakest first; empty: all. */
  readonly efforts: readonly string[]
  readonly budgetMin: number
  readonly budgetMax: number
  readonly canBeOff: boolean
  readonly isOnByDefault: boolean
  /** What becomes of earlier thoughts of its own: left out, wanted, or taken. */
  readonly history: 'drop' | 'require' | 'optional'
  /** Field of compatible APIs that holds thoughts. */
  readonly field: 'reasoning_content' | 'reasoning'
  /** `thinking` → `{"type": "enabled"}`, `enable_thinking` → `true`, `chat_template_kwargs` → `{"enable_thinking": true}`. */
  readonly switchField: 'thinking' | 'enable_thinking' | 'chat_template_kwargs'
  /** `<think>` at the beginning of the text is thought. */
  readonly hasTags: boolean
  /** Summaries may be asked for (Responses). */
  readonly takesSummary: boolean
}

/** What a config may say in place of what is known: any member, those of `reasoning` one by one. */
export type ProfileOverrides = Partial<Omit<Profile, 'reasoning'>> & { readonly reasoning?: Partial<ReasoningProfile> }
