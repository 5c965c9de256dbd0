import { readEnvFile } from '#config/env-file.ts'
import { Draft } from './draft.ts'
import { formNames, formOf, forms, type Form } from './form.ts'
import { fromBackends } from './from-backends.ts'
import { fromChannels } from './from-channels.ts'
import { fromLitellm } from './from-litellm.ts'
import { fromOcocl } from './from-own.ts'
import { fromProxyLlm } from './from-proxy-llm.ts'
import { fromSecrets } from './from-secrets.ts'
import { Ledger, type Finding } from './ledger.ts'
import { standInsFor } from './stand-ins.ts'
import { findClearKeys, variablesIn, type ClearKey } from './move-keys.ts'
import { readSourceText } from './source-text.ts'

export interface ConvertInput {
  /** As the operator wrote it. */
  readonly file: string
  readonly text: string
  /** Undefined: as the file looks. */
  readonly form: Form | undefined
  /** Text of an `.env` file. */
  readonly env: string | undefined
  /** What clients ask for, where the old configuration does not say it. */
  readonly models: readonly string[]
  /** How the new configuration names `file`, should it need it. */
  readonly reference: string
  /** Keys are replaced by references to variables. */
  readonly movesKeys: boolean
}

export interface Converted {
  readonly form: Form
  /** The new configuration. */
  readonly yaml: string
  readonly findings: readonly Finding[]
  /** Keys that stand in it in clear, or did, where they are moved. */
  readonly keys: readonly ClearKey[]
  /** Variables that it refers to. */
  readonly variables: readonly string[]
  /** Values for those of them that are no secrets, by which the rest can be checked while they are not set. */
  readonly standIns: Readonly<Record<string, string>>
}

/** An old configuration → a new one, and what became of everything in it; a sentence when it cannot be read. */
export function convert(input: ConvertInput): Converted | string {
  const { file, text, env, movesKeys } = input
  const source = readSourceText(file, text)
  if (typeof source === 'string') return source
  const { value } = source
  const form = input.form ?? formOf(value)
  if (form === undefined) return `it looks like none of ${forms.join(', ')}: name it by --from`
  const draft = new Draft()
  const ledger = new Ledger((path) => source.lineOf(path))
  const variables = new Map(Array.from(readEnvFile(env ?? ''), ([name, written]) => [name.toUpperCase(), written]))
  switch (form) {
    case 'secrets':
      fromSecrets(value, { secretsFile: input.reference, env: variables, models: input.models }, draft, ledger)
      break
    case 'backends':
      fromBackends(value, variables, draft, ledger)
      break
    case 'ococl':
      fromOcocl(value, text, draft, ledger)
      break
    case 'proxy-llm':
      fromProxyLlm(value, draft, ledger)
      break
    case 'litellm':
      fromLitellm(value, draft, ledger)
      break
    case 'one-api':
      fromChannels(value, draft, ledger)
      break
  }
  const keys = findClearKeys(draft.tree, movesKeys)
  const { findings } = ledger
  draft.head.push(`From ${file}, ${formNames[form]}, by "llm-proxy convert".`, ...remarks(findings))
  const standIns = standInsFor(draft.backends)
  return { form, yaml: draft.render(), findings, keys, variables: variablesIn(draft.tree), standIns }
}

// Limit: lines at the top of the file; the report on the terminal has them all.
const remarksMax = 40

function remarks(findings: readonly Finding[]): string[] {
  const doubtful = findings.filter(({ fidelity }) => fidelity !== 'exact')
  if (doubtful.length === 0) return []
  const lines = doubtful.slice(0, remarksMax).map(({ fidelity, place, what }) => `- ${place}: ${fidelity}, ${what}`)
  const rest = doubtful.length - lines.length
  return ['', 'What is not as it was:', ...lines, ...(rest > 0 ? [`- and ${rest} more`] : [])]
}
