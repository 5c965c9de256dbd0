/** The name of a model without what clouds, aggregators and servers put around it. */
export interface ModelWords {
  /** In lower case: `claude-opus-4-5-20251101`, `gpt-5.1`, `qwen3`. */
  readonly name: string
  /** Who stood in front of it, as written: `anthropic`, `Qwen`; empty: nobody. */
  readonly vendor: string
  /** Behind a colon: `free`, `32b`; empty: nothing. */
  readonly tag: string
}

export function modelWords(model: string): ModelWords {
  const slash = model.lastIndexOf('/')
  const path = slash < 0 ? [] : model.slice(0, slash).split('/')
  let name = model.slice(slash + 1)
  let vendor = path.at(-1) ?? ''
  if (vendor === 'models' || vendor === 'inference-profile' || vendor === 'foundation-model') vendor = path.at(-2) ?? ''
  const cloud = cloudName.exec(name)
  if (cloud !== null) {
    vendor = cloud[1] ?? ''
    name = name.slice(cloud[0].length).replace(/-v\d+(?::\d+(?::\w+)?)?$/, '')
  }
  if (name.startsWith('ft:')) name = name.slice('ft:'.length)
  name = name.replace(/@.*$/, '')
  const colon = name.indexOf(':')
  const tag = colon < 0 ? '' : name.slice(colon + 1)
  const bare = (colon < 0 ? name : name.slice(0, colon)).toLowerCase()
  const claude = bare.indexOf('claude-')
  // Claude is spelled with dots or dashes, and with the name of a gateway in front.
  return { name: claude < 0 ? bare : bare.slice(claude).replaceAll('.', '-'), vendor, tag: tag.toLowerCase() }
}

/** Of AWS: `us.anthropic.`, with the region or without. */
const cloudName =
  /^(?:[a-z]{2,6}(?:-[a-z]{2,4})?\.)?(anthropic|amazon|meta|mistral|cohere|deepseek|openai|qwen|ai21|moonshot|moonshotai|minimax|nvidia|google|writer|zai|stability|twelvelabs)\./

/** Who made it, by its name: those who share a family understand each other's opaque thoughts. Empty: nobody knows. */
export function familyOf(name: string): string {
  for (const [family, pattern] of families) if (pattern.test(name)) return family
  return ''
}

const families: readonly (readonly [family: string, pattern: RegExp])[] = [
  ['claude', /^claude/],
  ['gpt-oss', /^gpt-oss/],
  ['gpt', /^(?:gpt-|chatgpt-|o[134](?:-|$)|codex-|computer-use-preview)/],
  ['gemini', /^gemini-/],
  ['gemma', /^gemma/],
  ['deepseek', /^(?:deepseek|r1$|v3$)/],
  ['kimi', /^(?:kimi|moonshot)/],
  ['glm', /^(?:glm|chatglm)/],
  ['qwen', /^(?:qwen|qwq|qvq)/],
  ['grok', /^grok/],
  ['mistral', /^(?:mistral|ministral|magistral|codestral|devstral|pixtral|mixtral|open-mi[sx]tral|voxtral)/],
  ['command', /^(?:command|c4ai|aya)/],
  ['llama', /^(?:meta-)?llama/],
  ['nova', /^nova-/],
  ['sonar', /^sonar/],
  ['minimax', /^minimax/],
  ['doubao', /^doubao/],
]
