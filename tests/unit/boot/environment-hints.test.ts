import { expect, test } from 'bun:test'
import { hintAtEnvironment } from '#boot/environment-hints.ts'
import { logBench } from '../../support/log.ts'

test.each([
  ...['BUN_OPTIONS', 'BUN_BE_BUN', 'NODE_OPTIONS'].map((variable) => ({
    variable,
    en: `Environment variable ${variable} can change what this program does, unset it`,
    zh: `环境变量 ${variable} 会改变本程序的行为,请取消设置`,
  })),
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'].map((variable) => ({
    variable,
    en: `Environment variable ${variable} adds to the authorities that backends without tls.ca are believed by; write them into tls.ca instead`,
    zh: `环境变量 ${variable} 会增加对未设置 tls.ca 的后端所信任的证书颁发机构,请改用 tls.ca`,
  })),
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY'].map((variable) => ({
    variable,
    en: `Environment variable ${variable} is ignored: it has no effect on requests to backends`,
    zh: `环境变量 ${variable} 被忽略: 对发往后端的请求不起作用`,
  })),
])('$variable is told at the start, in both languages', async ({ variable, en, zh }) => {
  for (const [language, text] of [
    ['en', en],
    ['zh', zh],
  ] as const) {
    const { log, lines } = logBench({ policy: { language } })
    hintAtEnvironment(log, { PATH: '/bin', [variable]: '1' })
    await log.flush()
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toEndWith(`[WARN] ${text}`)
  }
})

test('what is not set, or set to nothing, is not told', async () => {
  const { log, lines } = logBench()
  hintAtEnvironment(log, { PATH: '/bin', HTTP_PROXY: '', NODE_OPTIONS: undefined, NO_PROXY: 'localhost' })
  await log.flush()
  expect(lines()).toEqual([])
})
