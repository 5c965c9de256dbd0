import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { openPage, type WatchedPage } from './browser.ts'
import type { RunningGateway } from './gateway.ts'
import { chatRequest, rawRequest } from './raw-client.ts'
import { closedPort } from './raw-origin.ts'

export const clientKey = 'sk-client-000000042'
export const adminKey = 'sk-admin-0000000042'
/** The head of a configuration. */
export const keys = `proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey} }\n`

/** Two routes, of which the first has nobody behind it. */
export async function brokenFirst(): Promise<string> {
  return `
backends:
  - { name: dead, url: "http://127.0.0.1:${await closedPort()}/v1" }
  - { name: steady, url: "mock://steady" }
models:
  demo: { routes: [{ backend: dead, model: md, priority: 1 }, { backend: steady, model: ok, priority: 2 }] }
`
}

/** Asks for an answer, and gives its status. */
export async function chat(gateway: RunningGateway, model = 'demo'): Promise<number> {
  return (await rawRequest(gateway.url, chatRequest(model, {}, clientKey))).status
}

/** Opens the full view with a key. */
export async function enter(page: Page, key = adminKey): Promise<void> {
  await page.fill('#key', key)
  await page.click('form.key button')
}

/** The same without a mouse, so that it is told where the focus went. */
export async function enterByKeyboard(page: Page, key: string): Promise<void> {
  await page.fill('#key', key)
  await page.press('#key', 'Enter')
}

/** What has the focus: its id or class. */
export async function focused(page: Page): Promise<unknown> {
  return await page.evaluate('document.activeElement.id || document.activeElement.className')
}

/** What a part of the page reads, with single blanks. */
export async function textOf(page: Page, selector = 'main'): Promise<string> {
  return (await page.locator(selector).first().innerText()).replaceAll(/\s+/g, ' ')
}

/** Waits until a part of the page reads as wanted. */
export async function reads(page: Page, pattern: RegExp, selector = 'main'): Promise<void> {
  const seen = { text: '' }
  const untilMs = performance.now() + 8000
  for (;;) {
    seen.text = await textOf(page, selector)
    if (pattern.test(seen.text)) return
    if (performance.now() > untilMs) throw new Error(`The page does not read ${String(pattern)}, but:\n${seen.text}`)
    await Bun.sleep(20)
  }
}

/** The clock of the page is the test's from here on: its refreshes come when they are told to. */
export async function openAtRest(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const watched = await openPage(browser, 'about:blank', options)
  await watched.page.clock.install()
  await watched.page.goto(url)
  await watched.page.waitForSelector('main section')
  return watched
}
