/**
 * Reads a file of variables as shells and container tools write it: `NAME=value` by lines, `export` before it, quotes
 * around the value, comments behind a blank and `#`. Names are given in capitals.
 */
export function readEnvFile(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const line of text.split(/\r\n|\n|\r/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line)
    if (match === null) continue
    const [, name = '', written = ''] = match
    variables.set(name.toUpperCase(), valueOf(written))
  }
  return variables
}

function valueOf(written: string): string {
  const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(written)
  return quoted === null ? written.replace(/(?:^|\s)#.*$/, '').trim() : (quoted[2] ?? '')
}
