/** The text without its percent-encoding; as it is where that is broken, since it can only be meant so. */
export function percentDecoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
