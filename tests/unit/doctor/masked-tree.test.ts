import { expect, test } from 'bun:test'
import { maskedTree } from '#doctor/masked-tree.ts'

test.each([
  { name: 'a key', text: 'proxy_api_key: sk-canary-12345678', tree: { proxy_api_key: '****' } },
  { name: 'a key that is a number', text: 'proxy_api_key: 1234567890', tree: { proxy_api_key: '****' } },
  { name: 'where a key comes from', text: 'proxy_api_key: "${KEY}"', tree: { proxy_api_key: '${KEY}' } },
  { name: 'the file of a key', text: 'proxy_api_key: "${file:/run/key}"', tree: { proxy_api_key: '${file:/run/key}' } },
  {
    name: 'the default of a key',
    text: 'proxy_api_key: "${KEY:-sk-canary-12345678}"',
    tree: { proxy_api_key: '****' },
  },
  {
    name: 'what stands before a reference',
    text: 'proxy_api_key: "sk-canary-${KEY}"',
    tree: { proxy_api_key: '****' },
  },
  {
    name: 'a setting',
    text: 'listen: ":8080"\nmodels_require_auth: true',
    tree: { listen: ':8080', models_require_auth: true },
  },
  {
    name: 'a backend with headers',
    text: 'backends: [{ name: a, url: "https://a.test/v1", auth_mode: x-api-key, headers: { x-team: canary-12345678 } }]',
    tree: {
      backends: [{ name: 'a', url: 'https://a.test/v1', auth_mode: 'x-api-key', headers: { 'x-team': '****' } }],
    },
  },
  { name: 'a key under a wrong name', text: 'proxy_api_kee: sk-canary-12345678', tree: { proxy_api_kee: '****' } },
  { name: 'an anchor', text: 'x-all: &all { api_key: sk-canary-12345678 }', tree: { 'x-all': { api_key: '****' } } },
  {
    name: 'an address that the check refuses',
    text: 'backends: [{ name: a, url: "http://us:p@canary@host:1/v1?x=canary#canary" }, { name: b, url: "u:canary@h" }]',
    tree: {
      backends: [
        { name: 'a', url: 'http://****@host:1/v1?****' },
        { name: 'b', url: '****@h' },
      ],
    },
  },
  {
    name: 'an address in another place',
    text: 'backends: [{ name: a, url: "https://a.test/v1", proxy: "x", unix_socket: "http://u:canary/1@h" }]',
    tree: { backends: [{ name: 'a', url: 'https://a.test/v1', proxy: '****', unix_socket: 'http://****@h' }] },
  },
  {
    name: 'a model with an @',
    text: 'models: { m: { routes: [{ backend: a, model: "claude@20240229" }] } }',
    tree: { models: { m: { routes: [{ backend: 'a', model: 'claude@20240229' }] } } },
  },
  { name: 'a text for a backend', text: 'backends: [canary-12345678]', tree: { backends: ['****'] } },
  { name: 'no YAML', text: 'a: [', tree: undefined },
])('maskedTree() shows what may be seen of $name', ({ text, tree }) => {
  const shown = maskedTree('config.yaml', text).tree
  expect(shown).toEqual(tree)
  expect(JSON.stringify(shown) ?? '').not.toContain('canary')
})

test.each([
  { text: 'proxy_api_key: sk-canary-12345678', hidden: ['sk-canary-12345678'] },
  {
    text: 'x-all: { Authorization: "Bearer sk-canary-12345678" }',
    hidden: ['Bearer sk-canary-12345678', 'sk-canary-12345678'],
  },
  { text: 'proxy_api_key: "${KEY:-sk-canary-12345678}"', hidden: ['${KEY:-sk-canary-12345678}', 'sk-canary-12345678'] },
  {
    text: 'backends: [{ name: a, url: "http://us:p@ss@host/v1?k=query-12345678" }]',
    hidden: ['://us:p@ss@', 'k=query-12345678', 'query-12345678'],
  },
  { text: 'backends: [text-12345678]', hidden: ['text-12345678'] },
  // These would be hidden wherever they stand, in addresses and names, too.
  { text: 'x-all: { url: "https://api.example.com" }', hidden: [] },
  { text: 'proxy_api_key: short', hidden: [] },
])('maskedTree() tells the credentials of $text', ({ text, hidden }) => {
  expect([...maskedTree('config.yaml', text).hidden].toSorted()).toEqual(hidden.toSorted())
})
