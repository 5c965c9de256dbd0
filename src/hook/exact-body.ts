import { asList, asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { asExactObject, mayLoseDigits, parseExact } from '#translate/exact-json.ts'
import { Misfit } from './run.ts'

/**
 * A body that a hook gave, written as JSON. Numbers that it left as it was shown them are written as they came: it cannot
 * see digits that JavaScript does not have.
 */
export function writtenBody(body: JsonObject, before: Uint8Array | undefined): string {
  // Its own `toJSON` may give anything, or nothing, whatever the types say.
  const written: string | undefined = JSON.stringify(body)
  if (written === undefined || !written.startsWith('{')) throw new Misfit('it gave a "body" that is no object')
  const text = new TextDecoder().decode(before)
  if (!mayLoseDigits(text)) return written
  return JSON.stringify(restored(parseJson(written), parseJson(text), parseExact(text)))
}

/** `shown` and `exact` are the same value, read in two ways; `now` is what became of it. */
function restored(now: unknown, shown: unknown, exact: unknown): unknown {
  if (JSON.isRawJSON(exact)) return JSON.stringify(now) === JSON.stringify(shown) ? exact : now
  if (Array.isArray(now)) {
    const [shownItems, exactItems] = [asList(shown), asList(exact)]
    return now.map((item: unknown, at) => restored(item, shownItems[at], exactItems[at]))
  }
  const [object, shownObject, exactObject] = [asObject(now), asObject(shown), asExactObject(exact)]
  if (object === undefined || shownObject === undefined || exactObject === undefined) return now
  // Without a prototype, so that `__proto__` is a name like any other.
  const whole: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(object)) {
    const isKnown = Object.hasOwn(shownObject, name)
    whole[name] = isKnown ? restored(value, shownObject[name], exactObject[name]) : value
  }
  return whole
}
