import { describe, expect, test } from 'bun:test'
import { DirectHosts, isDirectHost, isLoopback } from '#upstream/direct-hosts.ts'

describe('DirectHosts', () => {
  test.each([
    {
      entry: 'api.test',
      goes: ['https://api.test', 'http://API.test:8080'],
      stays: ['https://sub.api.test', 'https://xapi.test'],
    },
    { entry: 'API.Test.', goes: ['https://api.test'], stays: ['https://test'] },
    {
      entry: '.api.test',
      goes: ['https://a.api.test', 'https://a.b.api.test'],
      stays: ['https://api.test', 'https://xapi.test'],
    },
    { entry: '*.api.test', goes: ['https://a.api.test.'], stays: ['https://api.test'] },
    { entry: 'api.test:8443', goes: ['https://api.test:8443'], stays: ['https://api.test'] },
    { entry: 'api.test:443', goes: ['https://api.test'], stays: ['http://api.test'] },
    { entry: '.api.test:80', goes: ['http://a.api.test'], stays: ['https://a.api.test'] },
    { entry: '10.0.0.7', goes: ['http://10.0.0.7', 'http://10.0.0.7:8000'], stays: ['http://10.0.0.70'] },
    { entry: '10.0.0.7:8000', goes: ['http://10.0.0.7:8000'], stays: ['http://10.0.0.7'] },
    { entry: '10.0.0.0/8', goes: ['http://10.255.0.1'], stays: ['http://11.0.0.1', 'http://ten.test'] },
    { entry: '10.0.0.0/8:80', goes: ['http://10.1.1.1'], stays: ['https://10.1.1.1'] },
    { entry: 'fd00::/8', goes: ['http://[fd12::1]:8000'], stays: ['http://[fe80::1]'] },
    { entry: '2001:db8::1', goes: ['https://[2001:db8:0::1]'], stays: ['https://[2001:db8::2]'] },
    { entry: '[2001:db8::1]:8443', goes: ['https://[2001:db8::1]:8443'], stays: ['https://[2001:db8::1]'] },
    { entry: 'vllm', goes: ['http://vllm:8000'], stays: ['http://vllm.test'] },
    { entry: 'unix', goes: ['http://unix'], stays: [] },
  ])('$entry', ({ entry, goes, stays }) => {
    const hosts = new DirectHosts(['other.test', entry])
    expect(goes.filter((url) => !hosts.includes(new URL(url)))).toEqual([])
    expect(stays.filter((url) => hosts.includes(new URL(url)))).toEqual([])
  })
})

test.each([
  '',
  '*',
  'a b',
  'http://a.test',
  'a.test/v1',
  'a..test',
  '10.0.0',
  '10.0.0.0/33',
  'a.test:0',
  'a.test:70000',
  '[a.test]',
  '[::1',
  '::1::',
  '*.*.test',
])('isDirectHost() refuses "%s"', (entry) => {
  expect(isDirectHost(entry)).toBe(false)
})

test.each([
  { url: 'http://localhost:8000', is: true },
  { url: 'http://LOCALHOST.', is: true },
  { url: 'http://api.localhost', is: true },
  { url: 'http://127.0.0.1', is: true },
  { url: 'http://127.9.9.9', is: true },
  { url: 'http://[::1]:80', is: true },
  { url: 'http://[::ffff:127.0.0.1]', is: true },
  { url: 'http://localhost.test', is: false },
  { url: 'http://10.0.0.1', is: false },
])('isLoopback() of $url is $is', ({ url, is }) => {
  expect(isLoopback(new URL(url))).toBe(is)
})
