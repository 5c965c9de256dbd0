import type { FunctionComponent } from 'preact'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { languages, themes, type Theme } from '#server/ui/preferences.ts'
import type { Language, Words } from '#server/ui/words.ts'

/** Colours, language and time zone. */
export const Settings: FunctionComponent = () => {
  const words = useWords()
  const { preferences } = useSurroundings()
  return (
    <fieldset class="settings">
      <legend class="unseen">{words.settings}</legend>
      <label>
        <span class="unseen">{words.theme}</span>
        <select
          class="theme"
          value={preferences.theme.value}
          onChange={({ currentTarget: { value } }) => preferences.setTheme(oneOf(themes, value, 'system'))}
        >
          {themes.map((theme) => (
            <option key={theme} value={theme}>
              {words[themeWords[theme]]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">{words.language}</span>
        <select
          class="language"
          value={preferences.language.value}
          onChange={({ currentTarget: { value } }) => preferences.setLanguage(oneOf(languages, value, 'en'))}
        >
          {languages.map((language) => (
            <option key={language} value={language} lang={language}>
              {ownNames[language]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="unseen">{words.zone}</span>
        <select
          class="zone"
          value={preferences.zone.value}
          onChange={({ currentTarget: { value } }) => preferences.setZone(value)}
        >
          <option value="">{words.zoneLocal}</option>
          {zonesWith(preferences.zone.value).map((zone) => (
            <option key={zone} value={zone}>
              {zone}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  )
}

/** What the browser knows; UTC may be missing from its list. */
const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]

/** The gateway may name a zone otherwise, or by its offset. */
function zonesWith(shown: string): readonly string[] {
  return shown === '' || zones.includes(shown) ? zones : [shown, ...zones]
}

const ownNames: Readonly<Record<Language, string>> = { en: 'English', zh: '中文' }

const themeWords = {
  system: 'themeSystem',
  light: 'themeLight',
  dark: 'themeDark',
} as const satisfies Readonly<Record<Theme, keyof Words>>

function oneOf<Choice extends string>(choices: readonly Choice[], text: string, otherwise: Choice): Choice {
  return choices.find((choice) => choice === text) ?? otherwise
}
