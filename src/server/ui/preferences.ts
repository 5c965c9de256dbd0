import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { Browser } from './browser.ts'
import type { Order } from './model.ts'
import { languageFor, wordsOf, type Language, type Words } from './words.ts'

export type Theme = 'system' | 'light' | 'dark'

/** How the viewer likes to see things; what lasts is kept by the browser. */
export class Preferences {
  readonly language: Signal<Language>
  readonly theme: Signal<Theme>
  /** An IANA name or an offset; empty: that of the viewer. The one that was chosen, or that of the gateway's logs. */
  readonly zone: ReadonlySignal<string>
  readonly order = signal<Order>('file')
  readonly onlyTroubled = signal(false)
  readonly words: ReadonlySignal<Words>
  /** What is shown: the one that was chosen, or that of the system. */
  readonly colours: ReadonlySignal<'light' | 'dark'>
  readonly #chosenZone: Signal<string | undefined>
  readonly #suggestedZone = signal('')
  readonly #browser: Browser

  constructor(browser: Browser) {
    this.#browser = browser
    const recall = (name: string): string | undefined => browser.recall(`llm-proxy.${name}`)
    this.language = signal(languages.find((known) => known === recall('language')) ?? languageFor(browser.languages))
    this.theme = signal(themes.find((known) => known === recall('theme')) ?? 'system')
    const zone = recall('zone') ?? ''
    this.#chosenZone = signal(zone === viewersZone || isZone(zone) ? zone : undefined)
    this.zone = computed(() => {
      const chosen = this.#chosenZone.value ?? this.#suggestedZone.value
      return chosen === viewersZone ? '' : chosen
    })
    const isDark = signal(browser.prefersDark())
    browser.onPreference(() => {
      isDark.value = browser.prefersDark()
    })
    this.colours = computed(() => {
      const theme = this.theme.value
      return theme === 'system' ? (isDark.value ? 'dark' : 'light') : theme
    })
    this.words = computed(() => wordsOf[this.language.value])
  }

  setLanguage(language: Language): void {
    this.language.value = language
    this.#browser.remember('llm-proxy.language', language)
  }

  setTheme(theme: Theme): void {
    this.theme.value = theme
    this.#browser.remember('llm-proxy.theme', theme === 'system' ? undefined : theme)
  }

  setZone(zone: string): void {
    const chosen = zone === '' ? viewersZone : zone
    this.#chosenZone.value = chosen
    this.#browser.remember('llm-proxy.zone', chosen)
  }

  /** The zone for viewers who chose none; undefined: their own. */
  suggestZone(zone: string | undefined): void {
    this.#suggestedZone.value = zone !== undefined && isZone(zone) ? zone : ''
  }
}

export const languages: readonly Language[] = ['en', 'zh']
export const themes: readonly Theme[] = ['system', 'light', 'dark']

/** How the choice of one's own zone is remembered: it differs from none at all. */
const viewersZone = 'local'

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    // Zones are added and renamed.
    return false
  }
}
