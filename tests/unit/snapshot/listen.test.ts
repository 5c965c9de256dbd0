import { expect, test } from 'bun:test'
import { formatListen, isLocal, parseListen } from '#snapshot/listen.ts'

test.each([
  { text: ':8080', listen: { kind: 'tcp', host: undefined, port: 8080 }, local: false },
  { text: '127.0.0.1:0', listen: { kind: 'tcp', host: '127.0.0.1', port: 0 }, local: true },
  { text: '0.0.0.0:8080', listen: { kind: 'tcp', host: '0.0.0.0', port: 8080 }, local: false },
  { text: 'localhost:65535', listen: { kind: 'tcp', host: 'localhost', port: 65_535 }, local: true },
  { text: '[::1]:8080', listen: { kind: 'tcp', host: '::1', port: 8080 }, local: true },
  { text: '[::]:8080', listen: { kind: 'tcp', host: '::', port: 8080 }, local: false },
  { text: '127.evil.test:80', listen: { kind: 'tcp', host: '127.evil.test', port: 80 }, local: false },
  { text: 'unix:/run/llm-proxy.sock', listen: { kind: 'unix', path: '/run/llm-proxy.sock' }, local: true },
] as const)('parseListen() reads "$text", formatListen() writes it again', ({ text, listen, local }) => {
  const parsed = parseListen(text)
  expect(parsed).toEqual(listen)
  expect(parsed && formatListen(parsed)).toBe(text)
  expect(parsed && isLocal(parsed)).toBe(local)
})

test.each(['', '8080', ':', ':65536', ':-1', '::1:8080', 'a b:80', 'http://x:80', 'unix:', '[::1]', 'u@h:80'])(
  'parseListen() refuses "%s"',
  (text) => {
    expect(parseListen(text)).toBeUndefined()
  },
)
