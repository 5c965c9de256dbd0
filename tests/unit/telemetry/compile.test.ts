import { expect, test } from 'bun:test'
import * as v from 'valibot'
import { compileLogging } from '#telemetry/compile.ts'
import { keepsRequests } from '#telemetry/policy.ts'
import { LoggingSchema } from '#telemetry/schema.ts'

test('compileLogging() turns the defaults into a policy that keeps no request', () => {
  const policy = compileLogging(v.parse(LoggingSchema, {}))
  expect(policy).toEqual({
    level: 'info',
    format: 'text',
    language: 'en',
    zone: undefined,
    generalFile: undefined,
    separateFiles: false,
    requestDir: './logs/requests',
    errorDir: './logs/errors',
    maskSensitive: true,
    metricsLines: false,
    fileBytesMax: 104_857_600,
    fileAgeDaysMax: 0,
    totalBytesMax: 0,
    mergedRequests: false,
    dumps: undefined,
  })
  expect(keepsRequests(policy)).toBe(false)
})

test.each([
  { name: 'level', written: { level: 'warn' }, compiled: { level: 'warn' } },
  {
    name: 'debug level merges requests',
    written: { level: 'debug' },
    compiled: { level: 'debug', mergedRequests: true },
  },
  {
    name: 'separate files are not merged',
    written: { level: 'debug', separate_files: true, request_dir: 'r', error_dir: 'e' },
    compiled: { separateFiles: true, requestDir: 'r', errorDir: 'e', mergedRequests: false },
  },
  {
    name: 'file and size',
    written: { general_file: 'a.log', max_file_size_mb: 0.5 },
    compiled: { generalFile: 'a.log', fileBytesMax: 524_288 },
  },
  { name: 'form', written: { format: 'json', language: 'zh' }, compiled: { format: 'json', language: 'zh' } },
  {
    name: 'D79: the zone, as the platform writes it',
    written: { timezone: 'asia/shanghai' },
    compiled: { zone: 'Asia/Shanghai' },
  },
  { name: 'D79: the zone of the machine', written: { timezone: 'Local' }, compiled: { zone: undefined } },
  {
    name: 'masks and metrics',
    written: { mask_sensitive: false, enable_metrics: true },
    compiled: { maskSensitive: false, metricsLines: true },
  },
  {
    name: 'dumps',
    written: { categories: { request_body: { level: 'debug', path: 'd', include_body: false, max_age_days: 1 } } },
    compiled: { dumps: { directory: 'd', includeBody: false, ageDaysMax: 1 } },
  },
])('compileLogging() carries over: $name', ({ written, compiled }) => {
  expect(compileLogging(v.parse(LoggingSchema, written))).toMatchObject(compiled)
})
