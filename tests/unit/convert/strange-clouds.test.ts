import { test } from 'bun:test'
import { expectValid, samples } from '../../support/conversions.ts'

test.each(samples.filter(({ file }) => file.includes('-clouds')))(
  '$file stays valid whatever stands in place of any of its values',
  async ({ file, form }) => await expectValid(file, form),
)
