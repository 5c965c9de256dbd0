import { describe, expect, test } from 'bun:test'
import type { Exchange } from '#core/exchange.ts'
import { Secret } from '#core/secret.ts'
import { Masker } from '#telemetry/mask.ts'
import { NewsByRoute, type RouteNews } from '#telemetry/route-news.ts'
import { attemptOf, settledExchange, statusFailure } from '../../support/exchange.ts'

const secret = 'canary-4f1c9a7e'

function newsOf(...exchanges: readonly Partial<Exchange>[]): NewsByRoute {
  const news = new NewsByRoute(new Masker(() => [new Secret(secret)]))
  for (const changes of exchanges) news.settled(settledExchange(changes))
  return news
}

function only(news: NewsByRoute): RouteNews | undefined {
  return news.of('provider-a', 'claude-opus-4-5')
}

const answered = (durationMs: number) => attemptOf({ durationMs })
const failed = (message = 'it answered with status 500') =>
  attemptOf({ status: 500, failure: { ...statusFailure(500), message } })

describe('NewsByRoute', () => {
  test('knows nothing of a route that nobody asked', () => {
    expect(only(newsOf())).toBeUndefined()
  })

  test('counts attempts and failures, and keeps the last error when all is well again', () => {
    const news = newsOf(
      { attempts: [answered(100)] },
      { attempts: [failed(), answered(100)] },
      { attempts: [answered(100)] },
    )
    expect(only(news)).toMatchObject({ attempts: 4, failures: 1, lastError: { reason: 'status', status: 500 } })
  })

  test('an error is as old as the end of its attempt', () => {
    const attempts = [{ ...failed(), startedMs: 3000, durationMs: 250 }]
    const news = newsOf({ startedMs: 1000, startedWallMs: 1_000_000, attempts })
    expect(only(news)?.lastError?.atMs).toBe(1_002_250)
  })

  test('an error that is told later, but was earlier, does not replace a newer one', () => {
    const at = (startedMs: number, message: string): Partial<Exchange> => ({
      attempts: [{ ...failed(message), startedMs, durationMs: 0 }],
    })
    expect(only(newsOf(at(9000, 'the newer one'), at(2000, 'the older one')))?.lastError?.message).toBe('the newer one')
    expect(only(newsOf(at(2000, 'one'), at(2000, 'the next one')))?.lastError?.message).toBe('the next one')
  })

  test('of a request on the road only what failed so far is noted', () => {
    const news = newsOf()
    news.noteFailures(
      settledExchange({ attempts: [failed('no'), answered(100)], outcome: undefined, endedMs: undefined }),
    )
    expect(only(news)).toMatchObject({ attempts: 1, failures: 1, latencyMs: undefined, lastError: { message: 'no' } })
  })

  test('latency follows slowly, streams and others apart', () => {
    const news = newsOf(
      { attempts: [answered(100)] },
      { attempts: [answered(200)] },
      { attempts: [answered(1000)], stream: true },
    )
    expect(only(news)).toMatchObject({ latencyMs: 125, firstContentMs: 1000 })
  })

  test('failed attempts say nothing about the latency', () => {
    expect(only(newsOf({ attempts: [failed()] }))?.latencyMs).toBeUndefined()
  })

  test.each([
    { outcome: 'upstream_broke', brokenBy: 'the connection was closed', failures: 1 },
    { outcome: 'stalled', brokenBy: undefined, failures: 1 },
    { outcome: 'client_closed', brokenBy: 'the client left', failures: 0 },
    { outcome: 'complete', brokenBy: undefined, failures: 0 },
  ] as const)('a body that ends as $outcome is $failures failure', ({ outcome, brokenBy, failures }) => {
    const news = only(
      newsOf({ attempts: [answered(100)], outcome, brokenBy, startedMs: 0, endedMs: 500, startedWallMs: 0 }),
    )
    expect(news?.failures).toBe(failures)
    if (failures === 0) expect(news?.lastError).toBeUndefined()
    else expect(news?.lastError).toMatchObject({ atMs: 500, message: brokenBy ?? 'the answer broke off' })
  })

  test('a client that leaves is nobody’s failure', () => {
    const failure = { ...statusFailure(499), side: 'client', reason: 'client_closed' } as const
    expect(only(newsOf({ attempts: [attemptOf({ status: undefined, failure })] }))).toBeUndefined()
  })

  test('texts are masked before they are cut, and no secret is left of one that the cut goes through', () => {
    const news = newsOf({ attempts: [failed(`${'x'.repeat(495)}${secret} and more`)] })
    const message = only(news)?.lastError?.message ?? ''
    expect(message).toHaveLength(500)
    expect(message).not.toContain(secret.slice(0, 5))
  })

  test('a reload forgets what is no longer configured', () => {
    const news = newsOf({ attempts: [answered(1)] }, { attempts: [attemptOf({ model: 'other' })] })
    expect(news.size).toBe(2)
    news.retain((_, model) => model === 'other')
    expect([news.size, only(news), news.of('provider-a', 'other')?.attempts]).toEqual([1, undefined, 1])
    news.clear()
    expect(news.size).toBe(0)
  })

  test('holds no more routes than it may, and goes on counting those that it has', () => {
    const news = newsOf()
    for (let at = 0; at < 20_010; at += 1) news.settled(settledExchange({ attempts: [attemptOf({ model: `m${at}` })] }))
    news.settled(settledExchange({ attempts: [attemptOf({ model: 'm1' })] }))
    expect([news.size, news.of('provider-a', 'm1')?.attempts]).toEqual([20_000, 2])
  })
})
