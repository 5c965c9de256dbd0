/** What an application has in hand when its SDK gave it a turn of a model. */
export interface Turn {
  readonly text: string
  /** Undefined where the SDK shows none. */
  readonly thoughts: string | undefined
  readonly calls: readonly TurnCall[]
  /** In the words of the SDK. */
  readonly finish: string | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** What a model says that will not answer; undefined where the SDK shows none. */
  readonly refusal: string | undefined
  /** Undefined where the SDK shows none. */
  readonly cachedTokens: number | undefined
  /** The next turn, with the results of the calls, in their order, behind all that was said. */
  readonly answer: (results: readonly string[]) => Promise<Turn>
  /** The next turn, with another question behind all that was said. */
  readonly goOn: (question: string) => Promise<Turn>
}

export interface TurnCall {
  readonly name: string
  readonly args: unknown
}

export interface TurnWish {
  readonly model: string
  readonly stream: boolean
  readonly tools?: boolean
  /** The tool that must be called. */
  readonly mustCall?: string
  readonly thinks?: boolean
  readonly system?: string
  /** Beside the question. */
  readonly image?: boolean
  readonly tokensMax?: number
}

/** Words of finish of one SDK. */
export interface Finishes {
  readonly stop: string
  readonly calls: string
  readonly length: string
  readonly refusal: string
}

export interface DialectClient {
  readonly name: string
  /** Its requests go to a backend of this form as they are. */
  readonly form: 'chat' | 'responses' | 'messages' | 'gemini' | 'ollama'
  readonly finishes: Finishes
  /** False where it names what was said instead of repeating it, so that only translation can know it. */
  readonly repeats?: boolean
  readonly ask: (wish: TurnWish) => Promise<Turn>
  /** An answer by {@link structure}. */
  readonly structured: (model: string) => Promise<unknown>
}

/** What everybody asks. */
export const asked = 'Is it warm now?'

/** A picture of nothing. */
export const image = {
  type: 'image/png',
  base64: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=',
} as const

export const imageUrl = `data:${image.type};base64,${image.base64}`

/** Two tools, so that their order shows. */
export const toolNames = ['get_weather', 'get_time'] as const

export const toolSchema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
}

/** What the mock backend makes up for the schema. */
export const toolArgs = { city: 'mock' }

export const toolResults = ['sunny in the east', 'noon in the west']

export const structure = {
  type: 'object' as const,
  properties: {
    city: { type: 'string' as const },
    degrees: { type: 'integer' as const },
    tags: { type: 'array' as const, items: { type: 'string' as const } },
  },
  required: ['city', 'degrees', 'tags'],
  additionalProperties: false,
}

/** What the mock backend makes up for it. */
export const structured = { city: 'mock', degrees: 1, tags: ['mock'] }

export const clientKey = 'sk-test'

/** Enough for thoughts beside the answer. */
export const outputTokensMax = 4096
export const thoughtTokensMax = 2048

/** The results beside the calls that they belong to. */
export function paired<Call, Made>(
  calls: readonly Call[],
  results: readonly string[],
  made: (call: Call, result: string) => Made,
): Made[] {
  return calls.map((call, at) => made(call, results[at] ?? ''))
}
