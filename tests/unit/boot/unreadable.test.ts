import { expect, test } from 'bun:test'
import { whyUnreadable } from '#boot/unreadable.ts'

test.each([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'this user may not read it'],
  ['EISDIR', 'it is a folder, and a file is wanted'],
  ['EIO', 'a message of the system'],
])('%s is told as "%s"', (code, told) => {
  expect(whyUnreadable(Object.assign(new Error('a message of the system'), { code }))).toBe(told)
})
