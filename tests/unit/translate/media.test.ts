import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { MediaPart } from '#translate/common.ts'
import { dataUrl, inlined, isWebUrl, mimeOf, readDataUrl, textOfFile } from '#translate/media.ts'

function base64(bytes: string | readonly number[]): string {
  return Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).toString('base64')
}

const png = base64('\u0089PNG\r\n\u001a\n\0\0\0\rIHDR')

describe('readDataUrl() (§5.3)', () => {
  test.each<[url: string, read: ReturnType<typeof readDataUrl>]>([
    ['data:image/png;base64,AAAA', { mime: 'image/png', base64: 'AAAA' }],
    ['DATA:Image/JPG;BASE64,AAAA', { mime: 'image/jpeg', base64: 'AAAA' }],
    ['data:text/plain;charset=utf-8;base64,aGk=', { mime: 'text/plain', base64: 'aGk=' }],
    [`data:;base64,${png}`, { mime: 'image/png', base64: png }],
    [`data:application/octet-stream;base64,${png}`, { mime: 'image/png', base64: png }],
    ['data:;base64,AAAA', { mime: '', base64: 'AAAA' }],
    ['data:image/png;base64, AA\r\nAA \t', { mime: 'image/png', base64: 'AAAA' }],
    ['data:image/png;base64,AA%2BA', { mime: 'image/png', base64: 'AA+A' }],
    ['data:image/png;base64,AA-_', { mime: 'image/png', base64: 'AA+/' }],
    ['data:image/png,AAAA', undefined],
    ['data:image/svg+xml;utf8,<svg/>', undefined],
    ['data:image/png;base64,', undefined],
    ['data:image/png;base64,A*A', undefined],
    ['data:image/png;base64', undefined],
    ['https://example.com/a.png', undefined],
    ['', undefined],
  ])('%s', (url, read) => {
    expect(readDataUrl(url)).toEqual(read as never)
  })

  test('reads what dataUrl() writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const data = Buffer.from(bytes).toString('base64')
        expect(readDataUrl(dataUrl('image/gif', data))).toEqual({ mime: 'image/gif', base64: data })
      }),
    )
  })
})

describe('mimeOf()', () => {
  test.each([
    [png, 'image/png'],
    [base64([0xff, 0xd8, 0xff, 0xe0]), 'image/jpeg'],
    [base64('GIF89a'), 'image/gif'],
    [base64('RIFF\u0001\u0002\u0003\u0004WEBPVP8 '), 'image/webp'],
    [base64('RIFF\u0001\u0002\u0003\u0004WAVEfmt '), 'audio/wav'],
    [base64('%PDF-1.7'), 'application/pdf'],
    [base64('ID3\u0004'), 'audio/mpeg'],
    [base64([0xff, 0xfb, 0x90]), 'audio/mpeg'],
    [base64('fLaC'), 'audio/flac'],
    [base64('OggS'), 'audio/ogg'],
    [base64('\0\0\0\u0018ftypmp42'), 'video/mp4'],
    [base64('\0\0\0\u0018ftypM4A '), 'audio/mp4'],
    [base64([0x1a, 0x45, 0xdf, 0xa3]), 'video/webm'],
    [base64('hello'), ''],
    ['', ''],
    ['not base64!', ''],
  ])('tells the type by the bytes %s: %s', (data, mime) => {
    for (const declared of ['', 'application/octet-stream', 'image/*']) expect(mimeOf(data, declared)).toBe(mime)
  })

  test.each([
    ['image/png', 'image/png'],
    ['image/jpg', 'image/jpeg'],
    [' Text/Plain; charset=utf-8 ', 'text/plain'],
    ['audio/x-wav', 'audio/wav'],
  ])('keeps what was declared: %s → %s', (declared, mime) => {
    expect(mimeOf(png, declared)).toBe(mime)
  })
})

function file(says: Partial<MediaPart>): MediaPart {
  return { kind: 'media', medium: 'file', mime: '', source: { base64: base64('a,b\n1,2') }, ...says }
}

describe('textOfFile()', () => {
  test.each<[name: string, part: MediaPart, text: string | undefined]>([
    ['text', file({ mime: 'text/csv' }), 'a,b\n1,2'],
    ['JSON', file({ mime: 'application/json', source: { base64: base64('{}') } }), '{}'],
    [
      'JSON of another name',
      file({ mime: 'application/geo+json; charset=utf-8', source: { base64: base64('{}') } }),
      '{}',
    ],
    ['by the name of the file', file({ mime: 'application/octet-stream', filename: 'A.PY' }), 'a,b\n1,2'],
    ['without any name', file({}), 'a,b\n1,2'],
    ['in a data URL', file({ source: { url: `data:text/plain;base64,${base64('hi')}` } }), 'hi'],
    ['as it is', file({ mime: 'text/plain', source: { text: 'hi' } }), 'hi'],
    [
      'UTF-8 with its mark',
      file({ mime: 'text/plain', source: { base64: base64([0xef, 0xbb, 0xbf, 0xc3, 0xa9]) } }),
      'é',
    ],
    ['nothing but text', file({ mime: 'text/plain', source: { base64: base64([0xff, 0xfe, 0]) } }), undefined],
    ['a PDF', file({ mime: 'application/pdf' }), undefined],
    ['a PDF without a name', file({ source: { base64: base64('%PDF-1.7') } }), undefined],
    ['bytes without a name', file({ source: { base64: base64('\u0001\u0002\u0003') } }), undefined],
    ['an office file', file({ mime: 'application/octet-stream', filename: 'a.docx' }), undefined],
    ['an address', file({ mime: 'text/plain', source: { url: 'https://example.com/a.txt' } }), undefined],
    ['an id', file({ mime: 'text/plain', source: { file: { form: 'chat', id: 'file-1' } } }), undefined],
    ['an image', file({ medium: 'image', mime: 'image/svg+xml' }), undefined],
  ])('%s', (_, part, text) => {
    expect(textOfFile(part)).toBe(text as never)
  })
})

test.each<[says: Partial<MediaPart>, start: string]>([
  [{ filename: 'a.txt' }, '--- file: a.txt ---\nhi'],
  [{ title: 'Notes' }, '--- file: Notes ---\nhi'],
  [{ filename: 'a.txt', title: 'Notes', context: 'of May' }, '--- file: a.txt ---\nNotes\nof May\nhi'],
  [{ filename: 'a\n---\nb' }, '--- file: a --- b ---\nhi'],
  [{}, '--- file: document ---\nhi'],
])('inlined(%p) (§5.3)', (says, text) => {
  expect(inlined(file(says), 'hi')).toBe(text)
})

test.each([
  ['https://example.com/a.png', true],
  ['HTTP://example.com', true],
  ['gs://bucket/a', false],
  ['files/abc', false],
  ['data:image/png;base64,AA==', false],
])('isWebUrl(%s) is %p', (url, isAddress) => {
  expect(isWebUrl(url)).toBe(isAddress)
})
