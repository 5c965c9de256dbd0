import { describe, expect, test } from 'bun:test'
import { readSmall } from '#gateway/body.ts'
import { uploadSeconds } from '#gateway/incoming.ts'
import { ClientUpload } from '#gateway/upload.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'

/** A client's body that comes as it is told to. */
function client(): {
  readonly body: ReadableStream<Uint8Array>
  send(text: string): void
  end(): void
  leave(): void
  readonly wasLeft: () => boolean
} {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let wasLeft = false
  const body = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    cancel: () => void (wasLeft = true),
  })
  return {
    body,
    send: (text) => controller?.enqueue(Buffer.from(text)),
    end: () => controller?.close(),
    leave: () => controller?.error(new Error('gone')),
    wasLeft: () => wasLeft,
  }
}

function uploadOf(length: number | undefined, bytesMax = 0, pieces: readonly string[] = []) {
  const clock = new FakeClock()
  const from = client()
  const rest = from.body.getReader()
  const begun = { length, pieces: pieces.map((piece) => Buffer.from(piece)), rest }
  return { clock, from, upload: new ClientUpload(begun, bytesMax, new TimerWheel(clock)) }
}

async function allOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text().catch((error: unknown) => `broken: ${String(error)}`)
}

describe('ClientUpload', () => {
  test('passes on what was read before, then the rest, and is over', async () => {
    const { from, upload } = uploadOf(undefined, 0, ['a', 'b'])
    from.send('c')
    from.end()
    expect(await allOf(upload.stream())).toBe('abc')
    expect([upload.isOver, upload.fault]).toEqual([true, undefined])
  })

  test('reads nothing before somebody wants something: then it is taken', async () => {
    const { from, upload } = uploadOf(undefined, 0, ['a'])
    const first = upload.stream()
    await first.cancel()
    expect(upload.wasTaken).toBe(false)
    const second = uploadOf(undefined, 0, ['a'])
    const streams = [second.upload.stream(), second.upload.stream()]
    expect(second.upload.wasTaken).toBe(false)
    second.from.end()
    expect(await allOf(streams[1] ?? from.body)).toBe('a')
    expect(second.upload.wasTaken).toBe(true)
  })

  test('D21: an attempt that took nothing of it leaves it to the next one, however late it is given up', async () => {
    const { from, upload } = uploadOf(2, 0, ['a'])
    await upload.stream().cancel()
    const late = upload.stream()
    const reader = upload.stream().getReader()
    expect([upload.isOver, Buffer.from((await reader.read()).value ?? []).toString()]).toEqual([false, 'a'])
    await late.cancel()
    from.send('b')
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('b')
    expect([upload.fault, from.wasLeft()]).toEqual([undefined, false])
  })

  test('of one that is over nothing is waited for', async () => {
    const { from, upload } = uploadOf(undefined)
    const reader = upload.stream().getReader()
    const pending = reader.read().catch(() => 'broken')
    await settled()
    upload.pay()
    expect([await pending, await allOf(upload.stream()), from.wasLeft()]).toEqual([
      'broken',
      expect.stringContaining('broken'),
      true,
    ])
  })

  test.each([
    { name: 'in chunks beyond its limit', length: undefined, bytesMax: 5, code: 'body_too_large' },
    { name: 'cut short', length: 9, bytesMax: 0, code: 'client_closed' },
  ])('a body $name is the client’s fault', async ({ length, bytesMax, code }) => {
    const { from, upload } = uploadOf(length, bytesMax)
    from.send('abc')
    from.send('def')
    from.end()
    expect(await allOf(upload.stream())).toStartWith('broken')
    expect([upload.isOver, upload.fault?.code]).toEqual([true, code as never])
  })

  test('a client that leaves is told apart from one whose body is whole', async () => {
    const { from, upload } = uploadOf(undefined)
    from.send('abc')
    from.leave()
    expect(await allOf(upload.stream())).toStartWith('broken')
    expect(upload.fault?.code).toBe('client_closed')
  })

  test('a client may be slow, and not silent', async () => {
    const { clock, from, upload } = uploadOf(undefined)
    const reader = upload.stream().getReader()
    for (let at = 0; at < 3; at += 1) {
      const piece = reader.read()
      await settled()
      await clock.advance((uploadSeconds - 1) * 1000)
      from.send('a')
      expect((await piece).done).toBe(false)
    }
    const last = reader.read().catch(() => 'broken')
    await settled()
    await clock.advance(uploadSeconds * 1000)
    expect(await last).toBe('broken')
    expect([upload.fault?.code, from.wasLeft()]).toEqual(['client_closed', true])
  })

  test('silence counts only while something is awaited', async () => {
    const { clock, from, upload } = uploadOf(undefined)
    const reader = upload.stream().getReader()
    from.send('a')
    await reader.read()
    await clock.advance(uploadSeconds * 10_000)
    expect(upload.fault).toBeUndefined()
    from.send('b')
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('b')
  })

  test('what nobody wants any more is left, and that is no fault', async () => {
    const { from, upload } = uploadOf(undefined)
    const reader = upload.stream().getReader()
    from.send('a')
    await reader.read()
    await reader.cancel()
    expect([from.wasLeft(), upload.isOver, upload.fault]).toEqual([true, true, undefined])
  })
})

describe('readSmall()', () => {
  function requestOf(body: string | ReadableStream | null, length?: number): Request {
    const headers = new Headers(length === undefined ? {} : { 'content-length': String(length) })
    return new Request('http://gateway/', { method: 'POST', body, headers })
  }

  test.each([
    { name: 'a small body with its length', request: () => requestOf('abc', 3), seen: 'abc' },
    { name: 'a small body in chunks', request: () => requestOf(new Blob(['abc']).stream()), seen: 'abc' },
    { name: 'no body', request: () => requestOf(null), seen: '' },
  ])('reads $name', async ({ request, seen }) => {
    const body = await readSmall(request(), 4, 10)
    expect(body instanceof Uint8Array && Buffer.from(body).toString()).toBe(seen)
  })

  test('leaves a larger one where it is', async () => {
    const body = await readSmall(requestOf('abcde', 5), 4, 10)
    expect(body).toMatchObject({ length: 5, pieces: [] })
  })

  test('keeps the beginning of a larger one in chunks', async () => {
    const body = await readSmall(requestOf(new Blob(['abcde']).stream()), 4, 10)
    expect(body).toMatchObject({ length: undefined, pieces: [new Uint8Array(Buffer.from('abcde'))] })
  })

  test.each([
    { bytesMax: 4, code: 'body_too_large' },
    { bytesMax: 5, code: undefined },
  ])('refuses small ones in chunks that are larger than $bytesMax', async ({ bytesMax, code }) => {
    const body = await readSmall(requestOf(new Blob(['abcde']).stream()), 10, bytesMax)
    expect(body).toMatchObject(code === undefined ? new Uint8Array(Buffer.from('abcde')) : { code })
  })

  test.each([
    { bytesMax: 4, code: 'body_too_large' },
    { bytesMax: 0, code: undefined },
  ])('refuses what announces more than $bytesMax, 0 being no limit', async ({ bytesMax, code }) => {
    expect(await readSmall(requestOf('abcde', 5), 2, bytesMax)).toMatchObject(
      code === undefined ? { length: 5 } : { code },
    )
  })
})
