/**
 * Reads a file of variables as shells and container tools write it: `NAME=value` by lines, `export` before it, quotes
 * around the value, in which it may go over several lines, comments behind a blank and `#`. The last of two equal names
 * counts.
 */
export function readEnvFile(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [, name = '', written = ''] of text.replace(/^\uFEFF/, '').matchAll(assignment)) {
    variables.set(name, valueOf(written))
  }
  return variables
}

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*("(?:\\[^]|[^"\\])*"|'[^']*'|[^\r\n]*)/gm

function valueOf(written: string): string {
  if (/^'[^]*'$/.test(written)) return written.slice(1, -1)
  if (/^"[^]*"$/.test(written) && written.length > 1) {
    return written.slice(1, -1).replaceAll(/\\([nrt"\\$])/g, (_all, letter: string) => escapes[letter] ?? letter)
  }
  return written.replace(/(?:^|\s)#.*$/, '').trim()
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/**
 * The environment with the variables of such a file, which give way to those that are set. Names in the file may be
 * written in small letters, as programs allow that read it without looking at them.
 */
export function withEnvFile(
  env: Readonly<Record<string, string | undefined>>,
  text: string,
): Readonly<Record<string, string | undefined>> {
  const written = [...readEnvFile(text)]
  const inCapitals = written.map(([name, value]): [string, string] => [name.toUpperCase(), value])
  return { ...Object.fromEntries([...inCapitals, ...written]), ...env }
}
