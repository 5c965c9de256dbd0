import { describe, expect, test } from 'bun:test'
import type { Address, Resolver } from '#http1/dns.ts'
import { systemClock } from '#ports/clock.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { MediaFetcher, publicInternet, type MediaReach } from '#upstream/fetch-media.ts'
import { GuardedResolver, isPublicAddress } from '#upstream/public-address.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainAnswer, rawOrigin, type RawPeer } from '../../support/raw-origin.ts'

const png = Buffer.from('iVBORw0KGgoAAAAA', 'base64').toString('latin1')

/** Loopback alone, and without TLS: what the program never allows. */
const loopback: MediaReach = { protocols: new Set(['http:']), allows: (address) => address === '127.0.0.1' }

/** Says where hosts are, and how often it was asked. */
class FakeResolver implements Resolver {
  readonly asked: string[] = []
  readonly #addresses: Readonly<Record<string, readonly string[]>>

  constructor(addresses: Readonly<Record<string, readonly string[]>> = {}) {
    this.#addresses = addresses
  }

  async resolve(host: string): Promise<readonly Address[] | TransportFailure> {
    this.asked.push(host)
    const found = this.#addresses[host] ?? []
    if (found.length > 0) return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    return { kind: 'transport_failure', phase: 'dns', cause: 'not_found', message: 'the host name was not found' }
  }

  demote(): void {}

  forget(): void {}
}

/** `at`: the address of `pictures.test`, whose port is the origin's. */
async function fetched(
  script: (peer: RawPeer) => void,
  { path = '/a.png', at = ['127.0.0.1'], reach = loopback }: { path?: string; at?: string[]; reach?: MediaReach } = {},
): Promise<{ readonly found: unknown; readonly targets: string[]; readonly connections: number }> {
  await using origin = await rawOrigin(script)
  const resolver = new FakeResolver({ 'pictures.test': at, 'inside.test': ['10.0.0.1'] })
  const fetchMedia = new MediaFetcher({ clock: systemClock, resolver }, reach).forRequest()
  const found = await fetchMedia(`http://pictures.test:${origin.url.port}${path}`)
  return { found, targets: origin.received.map(({ target }) => target), connections: origin.connections }
}

function file(body: string, ...headers: string[]): Buffer {
  const head = ['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...headers]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

describe('isPublicAddress()', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.255',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'nothing',
    '',
  ])('%p is not', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2606:4700::1',
  ])('%p is', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })
})

describe('a guarded resolver', () => {
  const mixed = new FakeResolver({ mixed: ['10.0.0.1', '1.1.1.1', '::1'], inside: ['10.0.0.1', 'fd00::1'] })
  const guarded = new GuardedResolver(mixed, isPublicAddress)

  test('finds what is allowed, and nothing else is ever connected to', async () => {
    expect(await guarded.resolve('mixed')).toEqual([{ address: '1.1.1.1', family: 4 }])
  })

  test.each(['inside', 'nowhere'])('finds nothing of "%s"', async (host) => {
    expect(await guarded.resolve(host)).toMatchObject({ kind: 'transport_failure', phase: 'dns' })
  })
})

describe('who may be asked for a file (§5.3)', () => {
  test.each([
    { url: 'http://example.com/a', says: 'https://' },
    { url: 'ftp://example.com/a', says: 'https://' },
    { url: 'file:///etc/passwd', says: 'https://' },
    { url: 'https://u:p@example.com/a', says: 'user name' },
    { url: 'https://127.0.0.1/a', says: 'public internet' },
    { url: 'https://2130706433/a', says: 'public internet' },
    { url: 'https://0x7f.1/a', says: 'public internet' },
    { url: 'https://[::1]/a', says: 'public internet' },
    { url: 'https://[::ffff:127.0.0.1]/a', says: 'public internet' },
    { url: 'https://169.254.169.254/latest/meta-data', says: 'public internet' },
    { url: 'https://inside.test/a', says: 'public internet' },
    { url: 'https://localhost/a', says: 'public internet' },
    { url: 'https://', says: 'is none' },
  ])('$url is not: it $says', async ({ url, says }) => {
    const resolver = new FakeResolver({ 'inside.test': ['192.168.0.1'], localhost: ['127.0.0.1', '::1'] })
    const fetchMedia = new MediaFetcher({ clock: systemClock, resolver }).forRequest()
    expect(await fetchMedia(url)).toContain(says)
  })

  test('the program itself asks only by https, and only the public internet', () => {
    expect([...publicInternet.protocols]).toEqual(['https:'])
    expect(publicInternet.allows('127.0.0.1')).toBe(false)
  })

  test('a host that is looked up is connected to only where that is allowed', async () => {
    const nobody = await fetched((peer) => peer.end(file(png)), { reach: { ...loopback, allows: isPublicAddress } })
    expect(nobody).toEqual({ found: 'its host is not on the public internet', targets: [], connections: 0 })
  })
})

describe('what is fetched', () => {
  test.each([
    { type: 'image/png', mime: 'image/png' },
    { type: 'image/jpg; charset=x', mime: 'image/jpeg' },
    { type: 'application/octet-stream', mime: 'image/png' },
    { type: '', mime: 'image/png' },
  ])('the type "$type" of a picture is $mime', async ({ type, mime }) => {
    const { found } = await fetched((peer) => peer.end(file(png, ...(type === '' ? [] : [`content-type: ${type}`]))))
    expect(found).toEqual({ mime, base64: 'iVBORw0KGgoAAAAA' })
  })

  test.each([
    {
      name: 'another status',
      answer: plainAnswer('no', [], '404 Not Found'),
      says: 'its host answered with status 404',
    },
    { name: 'nothing', answer: plainAnswer(''), says: 'it is empty' },
    { name: 'packed bytes', answer: plainAnswer('x', ['content-encoding: gzip']), says: 'its host sent it compressed' },
    {
      name: 'more than 20 MiB, announced',
      answer: 'HTTP/1.1 200 OK\r\ncontent-length: 20971521\r\n\r\n',
      says: 'it is larger than 20 MiB',
    },
  ])('$name is no file', async ({ answer, says }) => {
    expect((await fetched((peer) => peer.write(answer))).found).toBe(says)
  })

  test('more than 20 MiB without a word about it are not read to their end', async () => {
    const piece = Buffer.alloc(1024 * 1024)
    const { found } = await fetched((peer) => {
      peer.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      for (let at = 0; at < 21; at += 1)
        peer.write(Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')]))
    })
    expect(found).toBe('it is larger than 20 MiB')
  })

  test('all files of one request share 64 MiB', async () => {
    const body = Buffer.alloc(18 * 1024 * 1024, 'a').toString('latin1')
    await using origin = await rawOrigin((peer) => peer.end(file(body)))
    const resolver = new FakeResolver({ 'pictures.test': ['127.0.0.1'] })
    const fetcher = new MediaFetcher({ clock: systemClock, resolver }, loopback)
    const fetchMedia = fetcher.forRequest()
    const found: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      const one = await fetchMedia(`http://pictures.test:${origin.url.port}/${name}`)
      found.push(typeof one === 'string' ? one : 'there')
    }
    expect(found).toEqual(['there', 'there', 'there', 'the files of the request are larger than 64 MiB together'])
    expect(typeof (await fetcher.forRequest()(`http://pictures.test:${origin.url.port}/a`))).toBe('object')
  })

  test('an address is asked once for all attempts of a request, at the same time or later', async () => {
    await using origin = await rawOrigin((peer) => peer.end(file(png)))
    const resolver = new FakeResolver({ 'pictures.test': ['127.0.0.1'] })
    const fetchMedia = new MediaFetcher({ clock: systemClock, resolver }, loopback).forRequest()
    const url = `http://pictures.test:${origin.url.port}/a.png`
    const [one, other] = await Promise.all([fetchMedia(url), fetchMedia(url)])
    expect([other, await fetchMedia(url)]).toEqual([one, one])
    expect(origin.received).toHaveLength(1)
  })

  test('nothing of the client is told to the host', async () => {
    await using origin = await rawOrigin((peer) => peer.end(file(png)))
    const resolver = new FakeResolver({ 'pictures.test': ['127.0.0.1'] })
    await new MediaFetcher({ clock: systemClock, resolver }, loopback).forRequest()(
      `http://pictures.test:${origin.url.port}/a.png?x=1`,
    )
    const [request] = origin.received
    expect(request?.target).toBe('/a.png?x=1')
    expect(request?.headers.map(([name]) => name.toLowerCase()).toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'host',
      'user-agent',
    ])
  })

  test('a host that says nothing is waited for 10 seconds, and no longer', async () => {
    await using origin = await rawOrigin(() => {})
    const clock = new FakeClock()
    const resolver = new FakeResolver({ 'pictures.test': ['127.0.0.1'] })
    const finding = new MediaFetcher({ clock, resolver }, loopback).forRequest()(
      `http://pictures.test:${origin.url.port}/a.png`,
    )
    await origin.arrived(1)
    await clock.advance(10_000)
    expect(await finding).toBe('it did not come within 10 seconds')
    await origin.closed(1)
  })
})

describe('redirects', () => {
  function redirect(to: string): (peer: RawPeer) => void {
    return (peer) => {
      if (peer.request.target === '/a.png') peer.end(plainAnswer('', [`location: ${to}`], '302 Found'))
      else peer.end(file(png))
    }
  }

  test('are followed, relative ones too', async () => {
    const { found, targets } = await fetched(redirect('b.png'))
    expect(found).toMatchObject({ mime: 'image/png' })
    expect(targets).toEqual(['/a.png', '/b.png'])
  })

  test.each([
    { to: 'http://10.0.0.1/', says: 'public internet' },
    { to: 'http://inside.test/', says: 'public internet' },
    { to: 'file:///etc/passwd', says: 'https://' },
    { to: 'http://u:p@pictures.test/', says: 'user name' },
  ])('to $to are looked at like every address: it $says', async ({ to, says }) => {
    expect((await fetched(redirect(to))).found).toContain(says)
  })

  test('end after three', async () => {
    const { found, targets } = await fetched((peer) =>
      peer.end(plainAnswer('', [`location: ${peer.request.target}x`], '307 Temporary Redirect')),
    )
    expect(found).toBe('it is redirected more than 3 times')
    expect(targets).toHaveLength(4)
  })
})
