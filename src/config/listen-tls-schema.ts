import * as v from 'valibot'

/** Limit: certificates for further names. */
const certificatesMax = 100

/** Limit: characters of one text in PEM. */
const pemLengthMax = 65_536

const certificatePhrase =
  'expected a certificate in PEM: the path of a file such as "./cert.pem", "${file:…}", or the text itself ("-----BEGIN CERTIFICATE-----…")'

const keyPhrase =
  'expected a private key in PEM: the path of a file such as "./key.pem", "${file:…}", or the text itself ("-----BEGIN PRIVATE KEY-----…")'

const versionPhrase = 'expected "1.2" or "1.3"'

const certificateText = (what: string): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.maxLength(pemLengthMax),
    v.check(
      (text) => text === '' || /-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/.test(text),
      certificatePhrase,
    ),
    v.description(what),
  )

const keyText = (what: string): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.maxLength(pemLengthMax),
    v.check(
      (text) => text === '' || /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*-----END [A-Z ]*PRIVATE KEY-----/.test(text),
      keyPhrase,
    ),
    v.description(what),
    v.metadata({ 'x-secret': true }),
  )

const byServerName = v.strictObject({
  cert: certificateText('Certificate for the names that it holds, with its chain: a file or PEM.'),
  key: keyText('Private key of this `cert`: a file or PEM.'),
})

/** The `tls` section: how clients are spoken to. */
export const ListenTlsSchema = v.strictObject({
  enabled: v.optional(
    v.pipe(v.boolean(), v.description('false: as if the section were not there. A change needs a restart.')),
    true,
  ),
  cert: v.optional(
    certificateText(
      'Certificate that clients are shown, the chain behind it: a file or PEM. Files are watched, a new one holds for new connections.',
    ),
    '',
  ),
  key: v.optional(keyText('Private key of `cert`, without a passphrase: a file or PEM.'), ''),
  certificates: v.optional(
    v.pipe(
      v.array(byServerName),
      v.maxLength(certificatesMax),
      v.description(
        'Further certificates, shown to clients that ask for one of their names (SNI); all others see `cert`.',
      ),
    ),
    [],
  ),
  client_ca: v.optional(
    certificateText(
      'Authorities of clients: a file or PEM. When set, only clients with a certificate that one of them has signed get a connection.',
    ),
    '',
  ),
  client_auth: v.optional(
    v.pipe(
      v.picklist(['require', 'off'], 'expected "require" or "off"'),
      v.description('`off`: clients are not asked for a certificate, although there is a `client_ca`.'),
    ),
    'require',
  ),
  min_version: v.optional(
    v.pipe(
      v.union([v.string(), v.number()], versionPhrase),
      v.description('Oldest version of TLS that is spoken: `"1.2"` or `"1.3"`.'),
      v.metadata({ examples: ['1.2', '1.3'] }),
      v.rawTransform<string | number, '1.2' | '1.3'>(({ dataset, addIssue, NEVER }) => {
        const version = String(dataset.value)
        if (version === '1.2' || version === '1.3') return version
        addIssue({ message: versionPhrase })
        return NEVER
      }),
    ),
    '1.2',
  ),
})

/** The `tls` section, with defaults filled in and files read. */
export type ListenTlsSettings = v.InferOutput<typeof ListenTlsSchema>
