import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import type { Draft } from './draft.ts'
import type { Ledger } from './ledger.ts'

/**
 * Adds routes for gateways that translated between dialects, which is not done here: providers that speak OpenAI's dialect
 * beside their own are reached in both, each by the clients that speak it.
 */
export class DialectRoutes {
  readonly #draft: Draft
  readonly #ledger: Ledger
  /** Backends that were told about. */
  readonly #told = new Set<string>()
  /** Backend → the one that speaks OpenAI's dialect for it. */
  readonly #twins = new Map<string, string>()

  constructor(draft: Draft, ledger: Ledger) {
    this.#draft = draft
    this.#ledger = ledger
  }

  add(alias: string, route: Tree, path: ConfigPath): void {
    this.#draft.addRoute(alias, route)
    const backend = this.#draft.backends.find(({ name }) => name === route['backend'])
    if (backend === undefined) return
    const { name, url, protocol } = backend
    // Ollama speaks both itself.
    if (protocol === 'ollama') this.#draft.addRoute(alias, { ...route, protocol: 'openai' })
    if (protocol !== 'anthropic' && protocol !== 'gemini') return
    const isNew = !this.#told.has(String(name))
    this.#told.add(String(name))
    const host = URL.canParse(String(url)) ? new URL(String(url)).hostname : ''
    if (host === 'api.anthropic.com') {
      this.#draft.addRoute(alias, { ...route, protocol: 'openai' })
    } else if (host === 'generativelanguage.googleapis.com') {
      this.#draft.addRoute(alias, { ...route, backend: this.#twinOf(backend) })
    } else {
      const clients = protocol === 'anthropic' ? "Anthropic's" : "Gemini's"
      if (isNew)
        this.#ledger.approximate(path, `"${String(name)}" answers ${clients} clients only: nothing is translated`)
      return
    }
    if (isNew) {
      this.#ledger.approximate(
        path,
        `nothing is translated: clients of OpenAI's dialect reach "${String(name)}" by the OpenAI endpoint of the provider`,
      )
    }
  }

  #twinOf(backend: Tree): string {
    const name = String(backend['name'])
    const known = this.#twins.get(name)
    if (known !== undefined) return known
    const twin = this.#draft.nameFor(`${name}-openai`)
    this.#twins.set(name, twin)
    const url = 'https://generativelanguage.googleapis.com/v1beta/openai'
    this.#draft.addBackend({ ...backend, name: twin, url, protocol: 'openai' })
    return twin
  }
}
