import { describe, expect, test } from 'bun:test'
import { Preferences } from '#server/ui/preferences.ts'
import { FakeBrowser } from '../../../support/fake-browser.ts'

describe('Preferences', () => {
  test('begin with what the browser says', () => {
    const browser = new FakeBrowser(['zh-CN'])
    browser.isDark = true
    const preferences = new Preferences(browser)
    expect([preferences.language.value, preferences.colours.value, preferences.zone.value]).toEqual(['zh', 'dark', ''])
    expect(preferences.words.value.overview).toBe('概览')
  })

  test('last until the next visit', () => {
    const browser = new FakeBrowser(['zh-CN'])
    const first = new Preferences(browser)
    first.setLanguage('en')
    first.setTheme('dark')
    first.setZone('Asia/Shanghai')
    const next = new Preferences(browser)
    expect([next.language.value, next.theme.value, next.zone.value]).toEqual(['en', 'dark', 'Asia/Shanghai'])
    next.setTheme('system')
    next.setZone('')
    expect([...browser.stored.keys()].toSorted()).toEqual(['llm-proxy.language', 'llm-proxy.zone'])
    expect(new Preferences(browser).zone.value).toBe('')
  })

  test("D79: times are told in the zone of the gateway's logs until the viewer chooses one, be it the own", () => {
    const browser = new FakeBrowser()
    const preferences = new Preferences(browser)
    preferences.suggestZone('Asia/Shanghai')
    expect(preferences.zone.value).toBe('Asia/Shanghai')
    preferences.suggestZone('Mars/Olympus')
    expect(preferences.zone.value).toBe('')
    preferences.suggestZone('+08:00')
    expect(preferences.zone.value).toBe('+08:00')
    preferences.setZone('')
    expect(preferences.zone.value).toBe('')
    preferences.setZone('UTC')
    expect(preferences.zone.value).toBe('UTC')
  })

  test('what was kept and means nothing any more is passed over', () => {
    const browser = new FakeBrowser()
    browser.stored.set('llm-proxy.language', 'tlh')
    browser.stored.set('llm-proxy.theme', 'sepia')
    browser.stored.set('llm-proxy.zone', 'Mars/Olympus')
    const { language, theme, zone } = new Preferences(browser)
    expect([language.value, theme.value, zone.value]).toEqual(['en', 'system', ''])
  })

  test('follow the system until the viewer chooses', () => {
    const browser = new FakeBrowser()
    const preferences = new Preferences(browser)
    browser.setDark(true)
    expect(preferences.colours.value).toBe('dark')
    preferences.setTheme('light')
    expect(preferences.colours.value).toBe('light')
  })
})
