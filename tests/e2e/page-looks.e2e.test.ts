import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { browserPath, openPage, startBrowser } from '../support/browser.ts'
import { startGateway } from '../support/gateway.ts'
import { sampleStatus, sampleTime } from '../support/page-sample.ts'
import { brokenFirst, chat, enter, keys, openAtRest, adminKey, reads, textOf } from '../support/page.ts'
import { closedPort } from '../support/raw-origin.ts'

// Processes and browsers start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(30_000)

describe.skipIf(browserPath === undefined)('the looks of the status page', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startBrowser()
  })

  afterAll(async () => {
    await browser.close()
  })

  test('speaks English and Chinese, light and dark, in any zone, and remembers it', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openPage(browser, gateway.url, {
      locale: 'zh-CN',
      colorScheme: 'dark',
      timezoneId: 'Europe/Berlin',
    })
    const { page } = watched
    const ground = async (): Promise<unknown> => await page.evaluate('getComputedStyle(document.body).backgroundColor')
    await reads(page, /概览/)
    expect(await page.getAttribute('html', 'lang')).toBe('zh-CN')
    const dark = await ground()
    await page.selectOption('select.language', 'en')
    await reads(page, /Overview/)
    await page.selectOption('select.theme', 'light')
    expect(await ground()).not.toBe(dark)
    await enter(page)
    const read = async (): Promise<string> => /Configuration 1 · (.*?) From/.exec(await textOf(page))?.[1] ?? ''
    await reads(page, /Configuration 1 · /)
    const inBerlin = await read()
    await page.selectOption('select.zone', 'Asia/Shanghai')
    const inShanghai = await read()
    await page.selectOption('select.zone', 'UTC')
    const minutes = (text: string): number => {
      const [, hour = 0, minute = 0] = /(\d\d):(\d\d):\d\d/.exec(text)?.map(Number) ?? []
      return hour * 60 + minute
    }
    const utc = minutes(await read())
    expect((minutes(inShanghai) - utc + 1440) % 1440).toBe(480)
    expect([60, 120]).toContain((minutes(inBerlin) - utc + 1440) % 1440)
    await page.reload()
    await reads(page, /Overview/)
    expect([await page.inputValue('select.theme'), await page.inputValue('select.zone')]).toEqual(['light', 'UTC'])
    expect(await ground()).not.toBe(dark)
    expect(watched.alarms).toEqual([])
  })

  test('fits a phone: nothing is wider than the screen, however long a name is', async () => {
    const long = 'an-endless-name-without-any-blank-'.repeat(5)
    await using gateway = await startGateway(`${keys}
backends:
  - { name: ${long}, url: "http://127.0.0.1:${await closedPort()}/${long}" }
models: { ${long}: { routes: [{ backend: ${long}, model: ${long} }] } }
services: { ${long}: { models: { ${long}: { backends: [{ id: ${long}, url: "mock://x" }] } } } }
`)
    await chat(gateway, long)
    await using watched = await openPage(browser, gateway.url, {
      viewport: { width: 360, height: 740 },
      hasTouch: true,
    })
    const { page } = watched
    await enter(page)
    await reads(page, /Forget the key/)
    for (const language of ['en', 'zh']) {
      await page.selectOption('select.language', language)
      for (const hash of ['', 'services', 'aliases', 'backends', 'credentials']) {
        await page.click(`nav a[href="#/${hash}"]`)
        await page.waitForSelector('h1')
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
        const tab = await page.locator('nav a[aria-current]').boundingBox()
        expect(tab?.x).toBeGreaterThanOrEqual(0)
        expect((tab?.x ?? 0) + (tab?.width ?? 0)).toBeLessThanOrEqual(360)
        const small = await page
          .locator('button, select, nav a')
          .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().height).filter((height) => height < 30))
        expect(small).toEqual([])
      }
    }
  })

  test('columns stay where they are while the seconds go by', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await chat(gateway)
    await using watched = await openAtRest(browser, `${gateway.url}/#/aliases`, {
      viewport: { width: 1280, height: 800 },
    })
    const { page } = watched
    await enter(page)
    await page.waitForSelector('table.rows')
    await page.click('button.pause')
    const places = new Set<unknown>()
    for (let second = 0; second < 35; second += 1) {
      places.add(
        await page.evaluate(
          `[...document.querySelectorAll('thead th')].map((each) => each.getBoundingClientRect().left).join()`,
        ),
      )
      await page.clock.runFor(1000)
    }
    expect([...places]).toHaveLength(1)
    // A rest that should be over says no more how long it lasts.
    expect(await textOf(page)).not.toContain(' left')
  })

  test('everything is reached by keyboard, and can be seen there', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openAtRest(browser, gateway.url)
    const { page } = watched
    const reached: string[] = []
    for (let press = 0; press < 20; press += 1) {
      await page.keyboard.press('Tab')
      const found = await page.evaluate(`(() => {
        const it = document.activeElement
        const { outlineStyle, outlineWidth } = getComputedStyle(it)
        const box = it.getBoundingClientRect()
        const isSeen = outlineStyle !== 'none' && outlineWidth !== '0px' && box.left >= 0 && box.width > 0
        return (it.id || it.className || it.innerText) + (isSeen ? '' : ' unseen')
      })()`)
      const name = String(found)
      if (reached.includes(name)) break
      reached.push(name)
    }
    expect(reached).toEqual([
      'skip',
      'refresh',
      'pause',
      'theme',
      'language',
      'zone',
      'Overview',
      'Services',
      'Aliases',
      'Backends',
      'Credentials',
      'key',
      'Open the full view',
      expect.stringContaining('unseen'),
    ])
    await page.focus('nav a[href="#/backends"]')
    await page.keyboard.press('Enter')
    await reads(page, /^Backends/)
    await page.focus('#key')
    await page.keyboard.type(adminKey)
    await page.keyboard.press('Enter')
    await page.waitForSelector('table.rows')
    await page.focus('a.skip')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('content')
    expect(page.url()).toEndWith('#/backends')
  })

  test('every text stands out from its ground, in both colours', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await chat(gateway)
    await using watched = await openPage(browser, gateway.url)
    const { page } = watched
    await enter(page)
    await reads(page, /Needs attention.*dead/)
    for (const theme of ['light', 'dark']) {
      await page.selectOption('select.theme', theme)
      const faint = await page.evaluate(faintTexts)
      expect([theme, faint]).toEqual([theme, []])
    }
  })

  test.skipIf(process.env['UPDATE'] !== '1').each<{ name: string; hash: string; options: BrowserContextOptions }>([
    { name: 'status-page-light', hash: '#/', options: { viewport: { width: 1100, height: 860 } } },
    {
      name: 'status-page-dark',
      hash: '#/aliases',
      options: { viewport: { width: 1100, height: 860 }, colorScheme: 'dark' },
    },
    {
      name: 'status-page-zh',
      hash: '#/services',
      options: { viewport: { width: 1100, height: 760 }, locale: 'zh-CN' },
    },
    { name: 'status-page-phone', hash: '#/services', options: { viewport: { width: 390, height: 844 } } },
  ])('pictures for the guide: $name', async ({ name, hash, options }) => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openPage(browser, 'about:blank', { timezoneId: 'Asia/Shanghai', ...options })
    const { page } = watched
    await page.clock.install({ time: sampleTime })
    await page.route('**/admin/status', async (route) => await route.fulfill({ json: sampleStatus }))
    await page.goto(gateway.url)
    await enter(page)
    await page.waitForSelector('button.forget')
    await page.click(`nav a[href="${hash}"]`)
    await page.evaluate('document.activeElement.blur()')
    const path = join(import.meta.dir, '../../docs/images', `${name}.png`)
    mkdirSync(join(path, '..'), { recursive: true })
    await page.screenshot({ path })
    expect(statSync(path).size).toBeLessThan(150_000)
  })
})

/** Texts whose contrast is below 4.5, or 3 for large ones (WCAG 2.2, 1.4.3). Runs in the page. */
const faintTexts = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((value) => value / 255).map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor)
      if (found.length === 3 || found[3] === 1) return found
    }
    return [255, 255, 255]
  }
  const found = []
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('').trim()
    if (text === '' || element.closest('.unseen') !== null || element.closest('noscript') !== null || element.matches(':disabled')) continue
    const { color, fontSize, fontWeight } = getComputedStyle(element)
    const [a, b] = [light(channels(color)), light(groundOf(element))]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    const isLarge = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700)
    if (contrast < (isLarge ? 3 : 4.5)) found.push(text + ' ' + contrast.toFixed(2))
  }
  return found
})()`
