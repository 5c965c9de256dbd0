import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { TokenPrice } from './price.ts'

/**
 * Prices by the names of models: of LiteLLM's `/model/info` (`data[]`), or of its list of all models, by name. Undefined
 * where it is neither.
 */
export function readPriceList(document: unknown): ReadonlyMap<string, TokenPrice> | undefined {
  const top = asObject(document)
  if (top === undefined) return undefined
  const prices = new Map<string, TokenPrice>()
  if (Array.isArray(top['data'])) {
    for (const entry of asList(top['data']).slice(0, namesMax)) addEntry(prices, asObject(entry) ?? nothing)
    return prices
  }
  // Limit: the others are left out.
  for (const [name, entry] of Object.entries(top).slice(0, namesMax)) {
    const price = priceIn(asObject(entry) ?? nothing)
    if (price !== undefined) prices.set(name, price)
  }
  return prices.size === 0 ? undefined : prices
}

/** Limit: models of one list. */
const namesMax = 50_000

const nothing: JsonObject = {}

/** The name that its clients know comes before the one that its backends know. */
function addEntry(prices: Map<string, TokenPrice>, entry: JsonObject): void {
  const price = priceIn(asObject(entry['model_info']) ?? nothing)
  if (price === undefined) return
  const name = asText(entry['model_name'])
  const inner = asText((asObject(entry['litellm_params']) ?? nothing)['model'])
  if (name !== undefined && name !== '') prices.set(name, price)
  if (inner !== undefined && inner !== '' && !prices.has(inner)) prices.set(inner, price)
}

function priceIn(entry: JsonObject): TokenPrice | undefined {
  const input = amount(entry['input_cost_per_token'])
  const output = amount(entry['output_cost_per_token'])
  if (input === undefined && output === undefined) return undefined
  return {
    input: input ?? 0,
    output: output ?? 0,
    cachedInput: amount(entry['cache_read_input_token_cost']),
    cacheWrite: amount(entry['cache_creation_input_token_cost']),
    reasoning: amount(entry['output_cost_per_reasoning_token']),
  }
}

/** Limit: dollars for one token; what costs more is no price. */
const amountMax = 100

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= amountMax ? value : undefined
}
