import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'

/** Where the browser of this machine is; undefined: there is none, and pages cannot be looked at. */
export const browserPath: string | undefined = findBrowser()

if (browserPath === undefined) {
  console.warn('Tests of the page in a browser are left out: no chromium on the PATH, and CHROMIUM names none')
}

/** A browser without a window. */
export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: browserPath ?? '',
    // Its sandbox needs a user of its own, which a machine for tests may not have.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  })
}

/** A page, and everything about it that must not happen. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** Addresses that it asked for, oldest first. */
  readonly asked: readonly URL[]
  /** Dialogs, errors of scripts, violations of the content policy, and whatever else the console holds but failed loads. */
  readonly alarms: readonly string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(8000)
  const asked: URL[] = []
  const alarms: string[] = []
  page.on('request', (request) => void asked.push(new URL(request.url())))
  page.on('dialog', (dialog) => {
    alarms.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => void alarms.push(`error: ${String(error)}`))
  page.on('console', (message) => {
    // The browser tells each status of 400 and above as well.
    if (!message.text().startsWith('Failed to load resource')) alarms.push(`console: ${message.text()}`)
  })
  await page.goto(url)
  return { page, context, asked, alarms, [Symbol.asyncDispose]: async () => await context.close() }
}

function findBrowser(): string | undefined {
  const named = process.env['CHROMIUM']
  if (named !== undefined && named !== '') return named
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome.exe']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
