/** `:8080`, `127.0.0.1:8080`, `[::1]:8080` or `unix:/path`. */
export function isListenAddress(text: string): boolean {
  if (text.startsWith('unix:')) return text.length > 'unix:'.length && !text.includes('\0')
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/@]*):(\d{1,5})$/.exec(text)
  return match !== null && Number(match[1]) <= 65_535
}
