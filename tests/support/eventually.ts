/** Waits until a look gives something; rejects with what was last `seen` when it does not in time. */
export async function eventually<T>(
  look: () => T | undefined | false,
  seen: () => string = () => '',
  withinMs = 4000,
): Promise<T> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > untilMs) throw new Error(`It did not happen within ${withinMs} ms, but:\n${seen()}`)
    await Bun.sleep(5)
  }
}
