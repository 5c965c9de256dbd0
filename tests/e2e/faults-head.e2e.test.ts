import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { askChat } from '../support/ask.ts'
import {
  error,
  fin,
  finished,
  goodAnswer,
  goodEvents,
  goodJson,
  json,
  rst,
  said,
  streamed,
} from '../support/fault-origin.ts'
import {
  canary,
  expectGoodAccounts,
  faultLab,
  proveEarlyFault,
  within,
  type EarlyFault,
  type FaultLab,
} from '../support/fault-origin-lab.ts'
import { startGateway } from '../support/gateway.ts'
import { chatRequest, rawClient } from '../support/raw-client.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin } from '../support/raw-origin.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const manyHeaders = Array.from({ length: 300 }, (_, at) => `X-${at}: y`)

const invalid = { status: 502, code: 'upstream_invalid_response' }
const unreachable = { status: 502, code: 'upstream_unreachable' }
const tooLate = { status: 504, code: 'upstream_timeout' }
const endedEarly = /connection (?:was )?(?:ended before|closed|reset)/

/** Faults of a head: nothing of them may be seen where another route answers. */
const heads: readonly EarlyFault[] = [
  { name: 'F10: no head', fault: [], ...tooLate, says: /within 300 ms|no answer/ },
  {
    name: 'F10: a head of which one byte comes now and then',
    fault: ['H', 120, 'T', 120, 'T', 120, 'P'],
    ...tooLate,
    says: /within 300 ms|no answer/,
  },
  {
    name: 'F11: half a head, then FIN',
    fault: ['HTTP/1.1 200 OK\r\nContent-Le', fin],
    ...unreachable,
    says: endedEarly,
  },
  {
    name: 'F11: half a head, then RST',
    fault: ['HTTP/1.1 200 OK\r\nContent-Le', 20, rst],
    ...unreachable,
    says: endedEarly,
  },
  { name: 'F12: another protocol', fault: ['220 mail.test ESMTP at your service\r\n'], ...invalid, says: /HTTP/ },
  { name: 'F12: bytes of TLS', fault: [Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])], ...invalid, says: /HTTP/ },
  { name: 'F12: HTTP/2', fault: ['HTTP/2 200\r\n\r\n'], ...invalid, says: /HTTP/ },
  ...['099', '99', '600', '999', '999999', '2x0'].map(oddStatus),
  {
    name: 'F14: a change of protocol that nobody asked for',
    fault: ['HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ...invalid,
    says: /101|protocol/,
  },
  { name: 'F16: two lengths', fault: [`${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`], ...invalid, says: /./ },
  { name: 'F16: a negative length', fault: [`${ok}Content-Length: -2\r\n\r\n{}`], ...invalid, says: /./ },
  {
    name: 'F16: a length and chunks',
    fault: [chunkedHead('application/json', ['Content-Length: 2']), chunk('{}'), chunk('')],
    ...invalid,
    says: /./,
  },
  { name: 'F16: a folded header', fault: [plainAnswer('{}', ['X-A: b\r\n c'])], ...invalid, says: /./ },
  { name: 'F16: a NUL in a header', fault: [plainAnswer('{}', ['X-A: b\0c'])], ...invalid, says: /./ },
  { name: 'F16: a CR in a header', fault: [plainAnswer('{}', ['X-A: b\rc'])], ...invalid, says: /./ },
  { name: 'F17: 300 headers', fault: [plainAnswer('{}', manyHeaders)], ...invalid, says: /./ },
  {
    name: 'F17: a header of 100 kB',
    fault: [plainAnswer('{}', [`X-Big: ${'a'.repeat(100_000)}`])],
    ...invalid,
    says: /./,
  },
  {
    name: 'F25: a web page',
    fault: [plainAnswer('<html>no</html>', ['Content-Type: text/html; charset=utf-8'])],
    ...invalid,
    isWhole: true,
    says: /HTML/,
  },
  {
    name: 'F25: a web page for a stream',
    fault: [plainAnswer('<html>no</html>', ['Content-Type: text/html'])],
    ...invalid,
    isWhole: true,
    says: /HTML/,
    stream: true,
  },
  { name: 'F26: an empty body', fault: [json('')], ...invalid, isWhole: true, says: /empty/ },
  {
    name: 'F26: an empty stream',
    fault: [chunkedHead(), chunk('')],
    ...invalid,
    isWhole: true,
    says: /empty|ended before/,
    stream: true,
  },
  {
    name: 'F27: an error as the first event of a stream',
    fault: [streamed('data: {"error":{"message":"no","type":"server_error","code":"overloaded"}}\n\n'), chunk('')],
    status: 502,
    code: 'upstream_error',
    isWhole: true,
    says: /is an error/,
    stream: true,
  },
  {
    name: 'F11: a head, then FIN before its body',
    fault: [`${ok}Content-Length: 20\r\n\r\n`, fin],
    ...unreachable,
    says: /./,
  },
  {
    name: 'F10: a head whose body never comes',
    fault: [`${ok}Content-Length: 20\r\n\r\n`],
    ...tooLate,
    says: /body in time|silent/,
  },
]

function oddStatus(status: string): EarlyFault {
  return { name: `F13: status ${status}`, fault: [plainAnswer('{}', [], `${status} Odd`)], ...invalid, says: /status/ }
}

let lab: FaultLab

beforeAll(async () => {
  lab = await faultLab(
    Object.fromEntries(heads.map(({ name, fault }) => [name, fault])),
    'timeout: { first_byte: 300ms, idle: 300ms }\nfallback: { max_retries: 10 }',
  )
})

afterAll(async () => {
  await expectGoodAccounts(lab.gateway)
  await lab[Symbol.asyncDispose]()
})

describe('an answer that is none', () => {
  test.concurrent.each(heads.map(({ name }) => name))(
    '%s leads on, alone it is told, and the route rests',
    async (name) => {
      const row = heads.find((one) => one.name === name)
      if (row !== undefined) await proveEarlyFault(lab, row)
    },
  )
})

describe('an answer that only looks odd', () => {
  test.each([
    { name: 'F15: 103 before it', script: ['HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n', goodAnswer] },
    { name: 'F15: 100 and 103 before it', script: ['HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 E\r\n\r\n', 20, goodAnswer] },
    { name: 'F17: a header of 60 kB', script: [json(goodJson, '200 OK', [`X-Big: ${'a'.repeat(60_000)}`])] },
    { name: 'F17: 200 headers', script: [json(goodJson, '200 OK', manyHeaders.slice(0, 200))] },
    { name: 'F26: an object without content', script: [json('{}')] },
  ])('$name is the answer', async ({ script }) => {
    await using odd = await faultLab({ odd: script })
    const { answer, record } = await odd.ask('odd 2nd')
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    expect(record).toMatchObject({ event: 'request_finished', attempts: 1, backend: 'bad' })
    expect(odd.second.raw.received).toEqual([])
  })
})

test.each([301, 302, 307, 308])(
  'F18: a %d to an address inside is not followed, and the key goes nowhere',
  async (status) => {
    await using inside = await rawOrigin((peer) => peer.end(goodAnswer))
    await using turned = await faultLab({
      turned: [plainAnswer('', [`Location: ${inside.url.origin}/latest/meta-data/`], `${status} Moved`)],
    })
    const rescued = await turned.ask('turned 2nd')
    expect([rescued.answer.status, rescued.answer.text, rescued.record.attempts]).toEqual([200, goodJson, 2])
    const alone = await turned.ask('turned')
    expect([alone.answer.status, alone.answer.headers.get('location')]).toEqual([502, null])
    expect([inside.connections, turned.origin.asked('turned').length]).toEqual([0, 1])
    await expectGoodAccounts(turned.gateway)
  },
)

describe('a 429', () => {
  test('F19: leads on; alone it is the answer with its Retry-After, and the route rests as long as it asks for', async () => {
    await using busy = await faultLab(
      { busy: [error('429 Too Many Requests', ['Retry-After: 30'])] },
      'fallback: { cooldown_seconds: 5 }',
    )
    expect((await busy.ask('busy 2nd')).record).toMatchObject({ status: 200, attempts: 2, backend: 'good' })
    const alone = await busy.ask('busy')
    expect([alone.answer.status, alone.answer.headers.get('retry-after')]).toEqual([429, '30'])
    expect(alone.answer.text).toContain('the upstream says no')
    const again = await busy.ask('busy')
    expect([again.answer.status, again.record.attempts]).toEqual([503, 0])
    expect(Number(again.answer.headers.get('retry-after'))).toBeWithin(26, 31)
    expect(busy.lines('route_cooled').map((line) => line['for_ms'])).toEqual([30_000, 30_000])
  })

  test('F19, F105: when several rest, the client is told to come when the first of them is back', async () => {
    await using pair = await rawOrigin((peer) => {
      const seconds = peer.request.body.includes('"soon"') ? 12 : 40
      peer.write(error('429 Too Many Requests', [`Retry-After: ${seconds}`]))
    })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${pair.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: late, priority: 1 }, { backend: a, model: soon, priority: 2 }] } }
`)
    expect((await askChat(gateway.url, 'm')).status).toBe(429)
    const { status, text, headers } = await askChat(gateway.url, 'm')
    expect([status, JSON.parse(text).error.code]).toEqual([503, 'no_backend_available'])
    expect(Number(headers.get('retry-after'))).toBeWithin(9, 13)
    expect(Number(headers.get('retry-after-ms'))).toBeWithin(9000, 12_001)
    expect(pair.received.length).toBe(2)
  })

  test.each([
    { says: '9999999', rests: 60_000, told: '60' },
    { says: 'Wed, 21 Oct 2015 07:28:00 GMT', rests: 7000, told: null },
    { says: 'abc', rests: 7000, told: null },
    { says: '-5', rests: 7000, told: null },
  ])('F20: with Retry-After "$says" lets nobody wait for ever', async ({ says, rests, told }) => {
    await using busy = await veryBusy(says)
    const { answer } = await busy.ask('busy')
    expect(answer.status).toBe(429)
    // Programs obey what they are told without a bound of their own.
    expect(answer.headers.get('retry-after')).toBeOneOf(told === null ? [null, says] : [told])
    expect(busy.lines('route_cooled').map((line) => line['for_ms'])).toEqual([rests])
    expect(Number((await busy.ask('busy')).answer.headers.get('retry-after'))).toBeWithin(1, 61)
  })

  async function veryBusy(retryAfter: string): Promise<FaultLab> {
    return await faultLab(
      { busy: [error('429 Too Many Requests', [`Retry-After: ${retryAfter}`])] },
      'fallback: { cooldown_seconds: 7, retry_after_max: 60s }',
    )
  }
})

describe('an error of the upstream', () => {
  test.each(['401 Unauthorized', '403 Forbidden'])(
    'F21: %s is about our key: it leads on, and is never told as the client’s fault',
    async (status) => {
      await using barred = await faultLab({ barred: [error(status, [], 'invalid_api_key')] })
      expect((await barred.ask('barred 2nd')).record).toMatchObject({ status: 200, attempts: 2, backend: 'good' })
      const { answer } = await barred.ask('barred')
      expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([502, 'upstream_auth_failed'])
      expect(answer.headers.get('www-authenticate')).toBeNull()
      expect(barred.lines('attempt_failed').map((line) => [line['backend'], line['status']])).toEqual([
        ['bad', Number(status.slice(0, 3))],
        ['bad', Number(status.slice(0, 3))],
      ])
      expect(barred.origin.raw.received[0]?.header('authorization')).toBe(`Bearer ${canary}`)
      await expectGoodAccounts(barred.gateway)
    },
  )

  test('F22: 400 is the client’s own: passed on as it is, not tried elsewhere where only 5xx lead on, and no rest', async () => {
    const text = error('400 Bad Request', ['X-Own: 1'], 'bad_field')
    await using wrong = await faultLab({ wrong: [text] }, 'detection: { error_codes: ["5xx"] }')
    for (let turn = 0; turn < 2; turn += 1) {
      const { answer, record } = await wrong.ask('wrong 2nd')
      expect([answer.status, answer.headers.get('x-own')]).toEqual([400, '1'])
      expect(text).toEndWith(answer.text)
      expect(record).toMatchObject({ attempts: 1, backend: 'bad' })
    }
    expect([wrong.lines('route_cooled'), wrong.second.raw.received]).toEqual([[], []])
  })

  test('F22: where 4xx lead on too, the route that refused is not to blame', async () => {
    await using wrong = await faultLab({ wrong: [error('400 Bad Request')] })
    expect((await wrong.ask('wrong 2nd')).record).toMatchObject({ status: 200, attempts: 2 })
    expect(wrong.lines('route_cooled')).toEqual([])
  })

  test.each([500, 502, 503, 504, 529])('F23: %d leads on by priority, within max_retries', async (status) => {
    await using gateway = await tiers((model) => (model === 'third' ? goodAnswer : error(`${status} No`)), 3)
    const { answer } = await gateway.ask()
    expect([answer.status, answer.text]).toEqual([200, goodJson])
    expect(gateway.asked()).toEqual(['first', 'second', 'third'])
  })

  test('F23: and no further than max_retries; the last error is the answer', async () => {
    await using gateway = await tiers((model) => (model === 'third' ? goodAnswer : error('503 No', [], model)), 2)
    const { answer } = await gateway.ask()
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([503, 'second'])
    expect(gateway.asked()).toEqual(['first', 'second'])
  })

  test('F24: a 200 whose body is an error of a known kind leads on', async () => {
    await using broke = await faultLab(
      {
        broke: [
          json(
            '{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}',
          ),
        ],
      },
      'detection: { error_patterns: ["insufficient_quota"] }',
    )
    expect((await broke.ask('broke 2nd')).record).toMatchObject({ status: 200, attempts: 2, backend: 'good' })
    const { answer } = await broke.ask('broke')
    expect([answer.status, answer.text.includes('You exceeded')]).toEqual([502, false])
    expect(broke.lines('route_cooled').length).toBe(2)
  })

  test('F24: an answer that only speaks of such an error does not', async () => {
    const text = json(goodJson.replace('"good"', JSON.stringify('{"error":{"code":"insufficient_quota"}}')))
    await using chatty = await faultLab({ chatty: [text] }, 'detection: { error_patterns: ["insufficient_quota"] }')
    expect((await chatty.ask('chatty 2nd')).record).toMatchObject({ status: 200, attempts: 1, backend: 'bad' })
  })
})

test('F39: a route that begins to answer as its time is up is not mixed with the one that is asked then', async () => {
  // The late one answers while the second one is being asked, and a little before and after that.
  const delays = [260, 290, 300, 310, 340]
  const late = streamed(said('late '), said('answer'), finished) + chunk('')
  await using race = await faultLab(
    Object.fromEntries(delays.map((ms) => [`after ${ms}`, [ms, late]])),
    'timeout: { first_byte: 300ms }\nfallback: { cooldown_seconds: 0 }\nstreaming: { time_to_first_token: 300ms }',
  )
  const told = await Promise.all(delays.map(async (ms) => await race.ask(`after ${ms} 2nd`, { stream: true })))
  for (const { answer, record } of told) {
    const isLate = record.backend === 'bad'
    expect(answer.text).toBe(isLate ? said('late ') + said('answer') + finished : goodEvents)
    expect([answer.isWhole, record.attempts]).toEqual([true, isLate ? 1 : 2])
  }
  for (const ms of delays) {
    const [loser] = race.origin.asked(`after ${ms} 2nd`)
    if (told[delays.indexOf(ms)]?.record.backend === 'good')
      await within(loser?.gone ?? Promise.reject(new Error()), 'the end of the loser')
  }
  expect(race.second.raw.received.length).toBe(told.filter(({ record }) => record.backend === 'good').length)
  await expectGoodAccounts(race.gateway)
})

test('F51: a 413 that comes while the client still sends is delivered, and the upload stops', async () => {
  let read = 0
  await using origin = await rawOrigin(() => {}, {
    onConnect(socket) {
      socket.on('data', (bytes) => {
        const isFirst = read === 0
        read += bytes.length
        if (isFirst) socket.end(error('413 Payload Too Large', ['Connection: close']))
      })
      return false
    },
  })
  await using gateway = await startGateway(`
max_body_size: 200mb
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
  using client = await rawClient(gateway.url)
  const size = 60_000_000
  const { status, text } = await client.send(chatRequest('m', { stream: false, padding: 'x'.repeat(size) })).ended
  expect([status, text.includes('the upstream says no')]).toEqual([413, true])
  expect(read).toBeLessThan(size / 2)
})

/** One alias with three routes of falling priority, of which the model tells what it answers. */
async function tiers(answerOf: (model: string) => string, attemptsMax: number) {
  const origin = await rawOrigin((peer) => {
    peer.write(answerOf(/"model":"(\w+)"/.exec(peer.request.body.toString())?.[1] ?? ''))
  })
  const gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models:
  m:
    routes:
      - { backend: a, model: third, priority: 3 }
      - { backend: a, model: first, priority: 1 }
      - { backend: a, model: second, priority: 2 }
fallback: { max_retries: ${attemptsMax} }
`)
  return {
    ask: async () => ({ answer: await askChat(gateway.url, 'm') }),
    asked: () => origin.received.map(({ body }) => /"model":"(\w+)"/.exec(body.toString())?.[1]),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await origin.stop()
    },
  }
}
