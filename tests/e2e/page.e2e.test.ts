import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import type { Status } from '#core/status.ts'
import { browserPath, openPage, startBrowser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway } from '../support/gateway.ts'
import { NamedOrigin } from '../support/named-origin.ts'
import { credentialStatus, routeStatus } from '../support/page-status.ts'
import {
  adminKey,
  brokenFirst,
  chat,
  clientKey,
  enter,
  enterByKeyboard,
  focused,
  keys,
  openAtRest,
  reads,
  textOf,
} from '../support/page.ts'
import { rawRequest } from '../support/raw-client.ts'
import { closedPort, plainAnswer, rawOrigin } from '../support/raw-origin.ts'

// Processes and browsers start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(30_000)

describe.skipIf(browserPath === undefined)('the status page', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await startBrowser()
  })

  afterAll(async () => {
    await browser.close()
  })

  test('D59 D60 D61: of two processes one dies and comes back, and the page tells it at its next refresh', async () => {
    await using a = await NamedOrigin.start('a')
    await using b = await NamedOrigin.start('b')
    await using gateway = await startGateway(`${keys}
health_check: { interval: 200ms, timeout: 200ms, failure_threshold: 2, success_threshold: 1 }
services:
  image:
    models:
      flux:
        backends: [{ id: a, name: "First", url: "${a.url}" }, { id: b, name: "Second", url: "${b.url}" }]
`)
    const state = async (): Promise<string> => (await rawRequest(gateway.url, { path: '/api/health/status' })).text
    const untilDown = async (isDown: boolean): Promise<void> => {
      const untilMs = performance.now() + 8000
      const wanted = isDown ? /"unhealthy"/ : /"healthy".*"healthy"/
      for (let told = await state(); !wanted.test(told); told = await state()) {
        if (performance.now() > untilMs) throw new Error(`The gateway goes on telling ${told}`)
        await Bun.sleep(20)
      }
    }
    await untilDown(false)
    await using watched = await openAtRest(browser, gateway.url)
    const { page } = watched
    await reads(page, /All targets of services are available 100 %.*Models of services 1 of 1.*Nothing is wrong/)
    await page.click('nav a[href="#/services"]')
    await reads(page, /image 2 of 2 .*flux 2 of 2 .*First a well \d+ ms .*Second b well \d+ ms/)

    await a.kill()
    await untilDown(true)
    // Nothing was asked yet.
    expect(await textOf(page)).toContain('2 of 2')
    await page.clock.runFor(5000)
    await reads(page, /image 1 of 2 .*First a down .* the connection was refused.*Second b well/)
    await page.click('nav a[href="#/"]')
    await reads(page, /1 of 2 targets of services are available 50 %.*Needs attention.*First/)

    await a.start()
    await untilDown(false)
    await page.clock.runFor(5000)
    await reads(page, /All targets of services are available 100 %.*Nothing is wrong/)
    expect(watched.alarms).toEqual([])
  })

  test('the admin key opens the rest: aliases, backends, rests that run out, errors; a wrong one tells so', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openAtRest(browser, gateway.url)
    const { page, asked } = watched
    await reads(page, /There are no services; how aliases are doing opens with the key .*Backends 2 Models 1/)
    await page.click('nav a[href="#/aliases"]')
    await reads(page, /This page opens with the admin key/)

    await enterByKeyboard(page, 'sk-wrong-0000000042')
    await reads(page, /This key was not accepted/)
    expect(await focused(page)).toBe('key')
    await page.clock.runFor(30_000)
    expect(asked.filter(({ pathname }) => pathname.startsWith('/admin')).length).toBe(1)

    expect(await chat(gateway)).toBe(200)
    await enterByKeyboard(page, adminKey)
    await reads(page, /demo 1 of 2 .*dead md priority 1 cooling down 30 s left .*1, 1 failed .*refused .*steady ok/)
    await page.clock.runFor(4000)
    await reads(page, /cooling down 2[56] s left/)
    expect(await focused(page)).toBe('content')
    await page.click('nav a[href="#/backends"]')
    await reads(page, /dead http:\/\/127\.0\.0\.1:\d+\/v1 1 route without a key cooling down.*steady mock:\/\/steady/)
    await page.click('nav a[href="#/"]')
    await reads(page, /1 of 2 targets are available 50 % .*Aliases 1 of 1 Backends 1 of 2 Credentials –/)

    // Answers of backends have the same origin, so the browser keeps no key for them to read.
    expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).not.toContain(adminKey)
    expect(await page.evaluate('document.cookie')).toBe('')
    await page.click('button.forget')
    await reads(page, /Open the full view/)
    expect(await focused(page)).toBe('content')
    await enter(page)
    await reads(page, /Forget the key/)
    await page.reload()
    await reads(page, /Open the full view/)
    expect(watched.alarms).toEqual([])
  })

  test('credentials that rest are shown with the reason, and tried again at a press', async () => {
    await using upstream = await rawOrigin((peer) => {
      const isFirst = peer.request.header('authorization') === 'Bearer key-one-000000'
      peer.write(
        isFirst
          ? plainAnswer('{"error":{"message":"quota"}}', ['Content-Type: application/json'], '429 Too Many Requests')
          : plainAnswer('{"choices":[{"message":{"content":"hi"}}]}', ['Content-Type: application/json']),
      )
    })
    await using gateway = await startGateway(`${keys}
backends:
  - name: shared
    url: "${upstream.url.href}"
    credentials: [{ name: one, api_key: key-one-000000 }, { name: two, api_key: key-two-000000 }]
models: { demo: { routes: [{ backend: shared, model: x }] } }
`)
    expect(await chat(gateway)).toBe(200)
    await using watched = await openAtRest(browser, `${gateway.url}/#/credentials`)
    const { page } = watched
    await enter(page)
    await reads(page, /shared 1 of 2 .*one resting \d+ s left Try it again now .*two ready/)
    await page.click('button.again')
    await reads(page, /shared 2 of 2 .*one ready/)
    expect(await page.content()).not.toContain('key-one-000000')
  })

  test('N311 N312: names and errors of others stay text, whatever they look like', async () => {
    const image = '<img src=x onerror=alert(1)>'
    const script = '</script><script>alert(2)</script>'
    const turned = 'gnp.\u202eexe'
    const told = '<svg onload=alert(3)> javascript:alert(4)'
    await using upstream = await rawOrigin((peer) => peer.write(plainAnswer(told, [], '500 No')))
    const quoted = (text: string): string => JSON.stringify(text)
    await using gateway = await startGateway(`${keys}
backends:
  - { name: ${quoted(image)}, url: "${upstream.url.href}" }
  - { name: ${quoted(turned)}, url: "${upstream.url.href}" }
models:
  ${quoted(script)}: { routes: [{ backend: ${quoted(image)}, model: ${quoted(script)} }, { backend: ${quoted(turned)}, model: ${quoted(image)} }] }
services:
  ${quoted(script.replaceAll('/', '|'))}:
    models:
      ${quoted(image)}:
        backends: [{ id: ${quoted(image)}, name: ${quoted(turned)}, url: "${upstream.url.href}" }]
`)
    await chat(gateway, script)
    await upstream.arrived(2)
    await using watched = await openPage(browser, gateway.url)
    const { page } = watched
    await reads(page, /llm-proxy|Overview/)
    await page.click('nav a[href="#/services"]')
    await reads(page, /<img src=x onerror=alert\(1\)>/)
    // No text of a backend gets so far, so what could ever be told is put in its place.
    await page.route('**/admin/status', async (route) => {
      const response = await route.fetch()
      const status = (await response.json()) as Status
      const lastError = { at: status.at, reason: told, status: undefined, message: `${told}${turned}` }
      const routes = status.aliases.flatMap((alias) => alias.routes)
      for (const each of [...routes, ...status.backends]) Object.assign(each.traffic, { lastError })
      const config = { ...status.config, file: told, warnings: [told], restartKeys: [told] }
      const credentials = [credentialStatus({ backend: told, name: script, state: 'resting', reason: image })]
      const refused = { at: status.at, problems: [told] }
      await route.fulfill({ json: { ...status, version: image, config: { ...config, refused }, credentials } })
    })
    await page.click('nav a[href="#/"]')
    await enter(page)
    await reads(page, /Forget the key/)
    const wanted: Readonly<Record<string, readonly string[]>> = {
      '#/': [image, told],
      '#/services': [image, script.replaceAll('/', '|')],
      '#/aliases': [script, image, told],
      '#/backends': [image, told],
      '#/credentials': [told, script, image],
    }
    for (const [hash, texts] of Object.entries(wanted)) {
      await page.click(`nav a[href="${hash}"]`)
      await page.waitForSelector('main table.rows')
      const text = await textOf(page)
      for (const each of texts) expect(text).toContain(each)
      expect(text).not.toContain('\u202e')
      expect(text).not.toMatch(/undefined|\[object|NaN/)
      if (hash === '#/aliases') expect(text).toContain('gnp.\\u202eexe')
      const made = 'main img, main svg, main script, main iframe, main a[href^="javascript"]'
      expect(await page.locator(made).count()).toBe(0)
    }
    // Nobody else was asked, nothing ran, nothing was held back by the content policy.
    expect(watched.asked.filter(({ origin, protocol }) => origin !== gateway.url && protocol !== 'data:')).toEqual([])
    expect(watched.alarms).toEqual([])
  })

  test('D61 D62: it refreshes every five seconds, at a press, and not while it is paused', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openAtRest(browser, gateway.url)
    const { page, asked } = watched
    await enter(page)
    await reads(page, /Forget the key/)
    const looks = (): number => asked.filter(({ pathname }) => pathname === '/admin/status').length
    const untilLooks = async (count: number): Promise<void> =>
      void (await eventually(
        () => looks() === count,
        () => `${looks()} instead of ${count}`,
      ))
    expect(looks()).toBe(1)
    await page.clock.runFor(5000)
    await untilLooks(2)
    await page.waitForSelector('button.refresh[aria-busy="false"]')
    await page.click('button.refresh')
    await untilLooks(3)
    await page.waitForSelector('button.refresh[aria-busy="false"]')
    // Who stands on it with the keyboard still does.
    expect(await focused(page)).toBe('refresh')
    await page.click('button.pause')
    await reads(page, /Resume/, 'header')
    await page.clock.runFor(60_000)
    expect(looks()).toBe(3)
    await reads(page, /Paused, as of 6\d s ago Refresh Resume/, 'header')
    await page.click('button.pause')
    await untilLooks(4)
    await reads(page, /Updated just now/, 'header')
  })

  test('a gateway that is gone is told, what was known stays, and it is found again', async () => {
    const port = await closedPort()
    const yaml = `listen: "127.0.0.1:${port}"\n${keys}${await brokenFirst()}`
    await using watched = await (async () => {
      await using gateway = await startGateway(yaml)
      const opened = await openAtRest(browser, gateway.url)
      await enter(opened.page)
      await reads(opened.page, /Forget the key/)
      await gateway.stop()
      return opened
    })()
    const { page } = watched
    await page.clock.runFor(5000)
    await reads(page, /The gateway does not answer\. What is shown is from 5 s ago\..*Everything is available/)
    // What is read aloud says it once, not each second how long ago it was.
    await page.evaluate(`new MutationObserver(() => { document.body.dataset.spoke = '1' })
      .observe(document.querySelector('[aria-live]'), { subtree: true, childList: true, characterData: true })`)
    await page.clock.runFor(4000)
    await reads(page, /What is shown is from 9 s ago/)
    expect(await page.getAttribute('body', 'data-spoke')).toBeNull()
    await using again = await startGateway(yaml)
    expect(again.url).toEndWith(`:${port}`)
    await page.clock.runFor(10_000)
    await eventually(() => watched.asked.length > 0)
    await page.waitForSelector('.notice.bad', { state: 'detached' })
  })

  test('D62: a press reads the configuration anew, and tells what came of it', async () => {
    const yaml = `${keys}${await brokenFirst()}`
    await using gateway = await startGateway(yaml)
    await using watched = await openAtRest(browser, gateway.url)
    const { page } = watched
    await enter(page)
    await page.click('.reload button')
    await reads(page, /The configuration is what it was/)
    expect(await page.evaluate('document.activeElement.closest(".reload") !== null')).toBe(true)
    gateway.rewrite(`${yaml}fallback: { max_retries: 2 }\n`)
    await page.click('.reload button')
    await reads(page, /Version 2 serves now|Configuration 2 ·/)
    gateway.rewrite(`${yaml}fallback: { max_retries: "<b>many</b>" }\n`)
    await page.click('.reload button')
    await reads(page, /A newer configuration has errors, so the one before it serves on .*fallback\.max_retries/)
    await reads(page, /The configuration has errors, so the one before it serves on: .*max_retries/, '.reload')
  })

  test('N311: where nobody checks the services nothing is said to be available', async () => {
    await using gateway = await startGateway(`health_check: { enabled: false }
services:
  dead: { models: { x: { backends: [{ id: d, url: "http://127.0.0.1:${await closedPort()}" }] } } }
`)
    await using watched = await openPage(browser, gateway.url)
    const { page } = watched
    await reads(page, /^Overview How the services are doing is not known Models of services not known/)
    expect(await textOf(page)).not.toMatch(/available|100/)
    await page.click('nav a[href="#/services"]')
    await reads(page, /dead not known .*x not known .*d not known/)
  })

  test('is there with the pages for probes at other paths as well, and without a key says nothing of keys', async () => {
    await using gateway = await startGateway(
      `health: { endpoints: [{ path: /up, type: liveness }] }\n${keys}${await brokenFirst()}`,
    )
    await using watched = await openAtRest(browser, gateway.url)
    const { page } = watched
    await reads(page, /Backends 2 Models 1/)
    await page.route('**/static/health.json', async (route) => await route.fulfill({ status: 404, json: {} }))
    await page.reload()
    await reads(page, /The gateway answered 404: .*Open the full view/)
    await enter(page)
    await reads(page, /Forget the key/)
  })

  test('says what else there is to look after, and whose counts it shows', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    await using watched = await openPage(browser, gateway.url)
    const { page } = watched
    await page.route('**/admin/status', async (route) => {
      const response = await route.fetch()
      const status = (await response.json()) as Status
      const routes = Array.from({ length: 67 }, (_, at) =>
        routeStatus({ backend: `b${at}`, alias: 'many', state: at === 66 ? 'unhealthy' : 'cooling' }),
      )
      const aliases = [{ alias: 'many', isListed: true, routes }]
      await route.fulfill({ json: { ...status, aliases, worker: { number: 2, of: 3 } } })
    })
    await page.route('**/admin/reload', async (route) => {
      await route.fulfill({ json: { version: 2, isNew: true, problems: [] } })
    })
    await enter(page)
    await reads(page, /Needs attention .*b66 .* down .*b0 .*and 17 more.*Worker 2 of 3, its counts are its own/)
    await page.click('.reload button')
    await reads(page, /Version 2 serves now\. The other workers follow\./, '.reload')
    await page.click('.troubled > a')
    await reads(page, /^Backends/)
  })

  test('the mark of a model counts all who answer for it, also those that are not searched for', async () => {
    await using gateway = await startGateway(`${keys}
services:
  image:
    models:
      flux: { backends: [{ id: a, name: First, url: "mock://a" }, { id: b, name: Second, url: "mock://b" }] }
`)
    await using watched = await openPage(browser, `${gateway.url}/#/services/Second`)
    await reads(watched.page, /image 2 of 2 flux 2 of 2 .*Second/)
    expect(await textOf(watched.page)).not.toContain('First')
  })

  test('ages are those of the gateway, whatever time it is for the viewer', async () => {
    await using gateway = await startGateway(`${keys}${await brokenFirst()}`)
    expect(await chat(gateway)).toBe(200)
    await using watched = await openPage(browser, 'about:blank')
    const { page } = watched
    await page.clock.install({ time: Date.now() + 3_600_000 })
    await page.goto(`${gateway.url}/#/aliases`)
    await enter(page)
    await reads(page, /refused \(ECONNREFUSED\) (?:just now|\d s ago)/)
  })

  test('admin.page: false takes the page away, and a reload brings it back', async () => {
    const yaml = await brokenFirst()
    await using gateway = await startGateway(`proxy_api_key: ${clientKey}\nadmin: { page: false }\n${yaml}`)
    const type = async (): Promise<string | null> =>
      (await fetch(gateway.url, { headers: { accept: 'text/html' } })).headers.get('content-type')
    expect(await type()).toBe('application/json')
    gateway.rewrite(`proxy_api_key: ${clientKey}\n${yaml}`)
    await gateway.told(/Configuration reloaded/)
    expect(await type()).toBe('text/html; charset=utf-8')
  })

  test('stands at an address of the admin pages of their own as well, and opens the full view there', async () => {
    await using gateway = await startGateway(
      `proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey}, listen: "127.0.0.1:0", path: /ops }\n${await brokenFirst()}`,
    )
    const [, own = ''] = await gateway.told(/Admin pages at (\S+)/)
    await using forAll = await openPage(browser, gateway.url)
    await reads(forAll.page, /There is more to see where admin pages are open/)
    await using watched = await openPage(browser, own)
    await enter(watched.page)
    await reads(watched.page, /Forget the key/)
    expect(watched.alarms).toEqual([])
  })
})
