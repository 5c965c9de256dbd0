import { describe, expect, test } from 'bun:test'
import { Api } from '#server/ui/api.ts'
import { State } from '#server/ui/state.ts'
import { FakeBrowser, settled, type AskedQuestion } from '../../../support/fake-browser.ts'
import { pageStatus } from '../../../support/page-status.ts'

interface Bench {
  readonly browser: FakeBrowser
  readonly state: State
}

async function started(adminPath = '/admin'): Promise<Bench> {
  const browser = new FakeBrowser()
  const state = new State(browser, new Api(browser, adminPath))
  state.start()
  await settled()
  return { browser, state }
}

/** The same once the right key has opened the full view. */
async function opened(): Promise<Bench> {
  const bench = await started()
  await answerAll(bench.browser)
  void bench.state.enter('right')
  await settled()
  await answerAll(bench.browser)
  return bench
}

/** Answers everything that is open as a gateway does whose admin key is `right`. */
async function answerAll(browser: FakeBrowser, version = '1'): Promise<void> {
  for (const question of browser.asked.splice(0)) answerOne(question, version)
  await settled()
}

function answerOne(question: AskedQuestion, version: string): void {
  const { path, headers } = question
  const answer = (status: number, body: object): void => question.answer(status, body)
  if (path === 'static/health.json') return answer(200, { at, version, backends: 1, models: 1 })
  if (path === 'api/health/status') return answer(200, { data: {} })
  if (headers['authorization'] !== 'Bearer right') return answer(401, {})
  if (path.endsWith('/reload')) return answer(200, { version: 2, isNew: true, problems: [] })
  return answer(200, pageStatus({ version }))
}

/** The clock of the gateway goes an hour after that of the viewer. */
const at = '2026-01-13T08:41:00.000Z'

const openPaths = ['static/health.json', 'api/health/status']

describe('State', () => {
  test('D61: asks anew five seconds after each answer', async () => {
    const { browser, state } = await started()
    expect(browser.paths()).toEqual(openPaths)
    expect([state.isBusy.value, state.open.value]).toEqual([true, undefined])
    await answerAll(browser)
    expect([state.isBusy.value, state.open.value?.version]).toEqual([false, '1'])
    await browser.pass(4999)
    expect(browser.asked).toEqual([])
    await browser.pass(1)
    await answerAll(browser, '2')
    expect(state.open.value?.version).toBe('2')
  })

  test('asks at once when told to, and then five seconds after that', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    await browser.pass(3000)
    void state.refresh()
    await settled()
    expect(browser.asked.length).toBe(2)
    await answerAll(browser)
    await browser.pass(4999)
    expect(browser.asked).toEqual([])
    await browser.pass(1)
    expect(browser.asked.length).toBe(2)
  })

  test('D61: asks nothing while it is paused, not even for a question under way, and goes on at once', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    await browser.pass(5000)
    const [question] = browser.asked
    state.pause()
    expect(question?.signal.aborted).toBe(true)
    await settled()
    browser.asked.length = 0
    await browser.pass(60_000)
    expect(browser.asked).toEqual([])
    expect([state.isPaused.value, state.isBusy.value, state.open.value?.version]).toEqual([true, false, '1'])
    void state.resume()
    await answerAll(browser, '2')
    expect([state.isPaused.value, state.open.value?.version]).toEqual([false, '2'])
  })

  test('asks nothing while nobody looks, and at once when somebody looks again', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    await browser.show(false)
    await browser.pass(60_000)
    expect(browser.asked).toEqual([])
    await browser.show(true)
    expect(browser.asked.length).toBe(2)
    await answerAll(browser)
    state.pause()
    await browser.show(false)
    await browser.show(true)
    expect(browser.asked).toEqual([])
  })

  test('an answer that came while nobody looked starts no clock', async () => {
    const { browser } = await started()
    await browser.show(false)
    await answerAll(browser)
    await browser.pass(60_000)
    expect(browser.asked).toEqual([])
  })

  test('a late answer does not replace a newer one', async () => {
    const { browser, state } = await started()
    const old = browser.asked.splice(0)
    void state.refresh()
    await settled()
    // That the old question ended is no news.
    expect([state.isBusy.value, state.trouble.value]).toEqual([true, undefined])
    await answerAll(browser, 'new')
    for (const question of old) answerOne(question, 'old')
    await settled()
    expect(state.open.value?.version).toBe('new')
    expect(old.every(({ signal }) => signal.aborted)).toBe(true)
  })

  test('a gateway that does not answer is told, what was known stays, and it is asked again', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    const updatedMs = state.updatedMs.value
    await browser.pass(5000)
    for (const question of browser.asked.splice(0)) question.fail()
    await settled()
    expect([state.trouble.value?.kind, state.open.value?.version, state.updatedMs.value]).toEqual([
      'unreachable',
      '1',
      updatedMs,
    ])
    await browser.pass(5000)
    await answerAll(browser)
    expect(state.trouble.value).toBeUndefined()
  })

  test('an answer is waited for ten seconds', async () => {
    const { browser, state } = await started()
    await browser.pass(9999)
    expect(state.trouble.value).toBeUndefined()
    await browser.pass(1)
    expect(state.trouble.value?.kind).toBe('unreachable')
  })

  test('the right key opens the full view, and the browser is given nothing to keep', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    void state.enter('right')
    await settled()
    expect(browser.paths()).toEqual(['admin/status'])
    await answerAll(browser)
    expect([state.status.value?.version, state.open.value, state.hasKey.value]).toEqual(['1', undefined, true])
    expect([...browser.stored]).toEqual([])
    await browser.pass(5000)
    expect(browser.paths()).toEqual(['admin/status'])
  })

  test('a wrong key is told and sent no second time, and what everybody may see goes on', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    void state.enter('wrong')
    await answerAll(browser)
    expect([state.keyTrouble.value?.kind, state.hasKey.value, state.trouble.value]).toEqual([
      'wrong_key',
      false,
      undefined,
    ])
    expect(browser.paths()).toEqual(openPaths)
    await answerAll(browser)
    await browser.pass(60_000)
    expect(browser.asked.every(({ headers }) => headers['authorization'] === undefined)).toBe(true)
    expect(state.keyTrouble.value?.kind).toBe('wrong_key')
  })

  test('a key that opens the full view no more is forgotten', async () => {
    const { browser, state } = await opened()
    await browser.pass(5000)
    browser.asked.splice(0)[0]?.answer(401, {})
    await settled()
    await answerAll(browser)
    expect([state.status.value, state.open.value?.version, state.hasKey.value]).toEqual([undefined, '1', false])
  })

  test('a gateway that is away for a while costs nobody the key', async () => {
    const { browser, state } = await opened()
    await browser.pass(5000)
    for (const question of browser.asked.splice(0)) question.fail()
    await settled()
    expect([state.hasKey.value, state.status.value?.version]).toEqual([true, '1'])
  })

  test('leaving forgets the key', async () => {
    const { browser, state } = await opened()
    void state.leave()
    await answerAll(browser)
    expect([state.status.value, state.open.value?.version, state.hasKey.value]).toEqual([undefined, '1', false])
  })

  test('where there are no admin pages it says so', async () => {
    const { browser, state } = await started('')
    expect([state.hasAdminPages, browser.paths()]).toEqual([false, openPaths])
  })

  test('D62: a reload tells what came of it, and looks again', async () => {
    const { browser, state } = await opened()
    void state.reload()
    await settled()
    expect([state.reloaded.value, browser.paths()]).toEqual(['asking', ['admin/reload']])
    await answerAll(browser)
    expect(state.reloaded.value).toEqual({ kind: 'ok', value: { version: 2, isNew: true, problems: [] } })
    expect(browser.paths()).toEqual(['admin/status'])
  })

  test('a credential that is to be tried again is asked for by backend and name', async () => {
    const { browser, state } = await opened()
    void state.resetCredential('a', 'first')
    await settled()
    expect(browser.paths()).toEqual(['admin/credentials/reset?backend=a&name=first'])
    browser.asked.splice(0)[0]?.answer(200, { reset: 1 })
    await settled()
    expect(browser.paths()).toEqual(['admin/status'])
  })

  test('a gateway that does nothing about a reload or a reset is given up after half a minute', async () => {
    const { browser, state } = await opened()
    state.pause()
    void state.reload()
    await browser.pass(29_999)
    expect(state.reloaded.value).toBe('asking')
    await browser.pass(1)
    expect(state.reloaded.value).toEqual({ kind: 'unreachable' })
    await answerAll(browser)
    void state.resetCredential('a', 'first')
    await browser.pass(30_000)
    expect(state.trouble.value).toEqual({ kind: 'unreachable' })
  })

  test('ages are counted by the clock of the gateway, whatever that of the viewer says', async () => {
    const { browser, state } = await started()
    await answerAll(browser)
    state.pause()
    expect(state.gatewayNowMs.value).toBe(Date.parse(at))
    await browser.pass(3000)
    expect(state.gatewayNowMs.value - Date.parse(at)).toBe(3000)
    void state.enter('right')
    await settled()
    await answerAll(browser)
    expect(state.gatewayNowMs.value).toBe(Date.parse(pageStatus().at))
  })

  test('its clock goes on each second, so that ages and rests do', async () => {
    const { browser, state } = await started()
    const beganMs = state.nowMs.value
    await browser.pass(3000)
    expect(state.nowMs.value - beganMs).toBe(3000)
  })
})
