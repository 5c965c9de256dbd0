import { test } from 'bun:test'
import { expectValid, samples } from '../../support/conversions.ts'

test.each(
  samples.filter(({ file, form }) => !file.includes('-clouds') && !['litellm', 'ococl', 'proxy-llm'].includes(form)),
)(
  '$file stays valid whatever stands in place of any of its values',
  async ({ file, form }) => await expectValid(file, form),
)
