/** The keys of an object literal with their types: `Object.keys` for values that are known to have no others. */
export function stringKeys<Key extends string>(object: Readonly<Record<Key, unknown>>): Key[] {
  const keys: Key[] = []
  for (const key in object) keys.push(key)
  return keys
}
