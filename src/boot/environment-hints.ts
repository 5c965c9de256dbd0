import type { Log } from '#ports/log.ts'

/** Options of the runtime: whoever sets them can load foreign code into the process. */
const risky: ReadonlySet<string> = new Set(['BUN_OPTIONS', 'BUN_BE_BUN', 'NODE_OPTIONS'])

/** Whom connections to backends trust beside the built-in authorities, for those that have no `tls.ca` of their own. */
const trusting: ReadonlySet<string> = new Set(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'])

/** What other programs heed and this one does not: where requests go is in the configuration alone. */
const ignored: ReadonlySet<string> = new Set([
  'NODE_TLS_REJECT_UNAUTHORIZED',
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
])

/** Tells of variables that are set and mean something else than whoever set them may think. */
export function hintAtEnvironment(log: Log, env: Readonly<Record<string, string | undefined>>): void {
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue
    if (risky.has(variable)) log.write('warn', 'environment_warning', { variable })
    else if (trusting.has(variable)) log.write('warn', 'environment_trust', { variable })
    else if (ignored.has(variable)) log.write('warn', 'environment_ignored', { variable })
  }
}
