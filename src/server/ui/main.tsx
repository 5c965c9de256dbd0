import { render } from 'preact'
import { computed, effect, signal } from '@preact/signals'
import { Api } from './api.ts'
import { App } from './app.tsx'
import type { Browser } from './browser.ts'
import { SurroundingsContext, type Surroundings } from './context.ts'
import { Preferences } from './preferences.ts'
import { hashOf, placeOf } from './router.ts'
import { State } from './state.ts'

const darkness = matchMedia('(prefers-color-scheme: dark)')

/** The browser that shows the page. Nothing else touches its globals. */
const browser: Browser = {
  async fetch(path, { method, headers, signal: stop }) {
    const answer = await fetch(path, {
      method,
      headers,
      signal: stop,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
    })
    return {
      status: answer.status,
      header: (name) => answer.headers.get(name) ?? undefined,
      json: async (): Promise<unknown> => await answer.json(),
    }
  },
  nowMs: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  isHidden: () => document.hidden,
  onVisibility: (action) => document.addEventListener('visibilitychange', action),
  prefersDark: () => darkness.matches,
  onPreference: (action) => darkness.addEventListener('change', action),
  recall(name) {
    try {
      return localStorage.getItem(name) ?? undefined
    } catch {
      // Nothing may be kept here.
      return undefined
    }
  },
  remember(name, value) {
    try {
      if (value === undefined) localStorage.removeItem(name)
      else localStorage.setItem(name, value)
    } catch {
      // Then it holds until the page is closed.
      return
    }
  },
  languages: navigator.languages,
}

const root = document.documentElement
const hash = signal(location.hash)
addEventListener('hashchange', () => {
  hash.value = location.hash
})
const preferences = new Preferences(browser)
const state = new State(browser, new Api(browser, root.dataset['adminPath'] ?? ''))
const surroundings: Surroundings = {
  state,
  preferences,
  place: computed(() => placeOf(hash.value)),
  go(place) {
    history.replaceState(null, '', hashOf(place))
    hash.value = hashOf(place)
  },
}

effect(() => {
  root.lang = preferences.language.value === 'zh' ? 'zh-CN' : 'en'
})
effect(() => preferences.suggestZone(state.status.value?.zone))
effect(() => {
  root.dataset['theme'] = preferences.colours.value
})
effect(() => {
  document.title = `${preferences.words.value[surroundings.place.value.page]} · llm-proxy`
})

const place = document.getElementById('app')
if (place !== null) {
  render(
    <SurroundingsContext.Provider value={surroundings}>
      <App />
    </SurroundingsContext.Provider>,
    place,
  )
  state.start()
}
