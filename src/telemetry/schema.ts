import * as v from 'valibot'
import { isTimeZone } from '#kit/time-zone.ts'

const directory = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))

const RequestBodySchema = v.strictObject({
  level: v.optional(
    v.pipe(
      v.picklist(['none', 'debug', 'info', 'warn', 'error']),
      v.description('Any level but `none` switches the dumps on.'),
    ),
    'none',
  ),
  path: v.optional(
    v.pipe(directory, v.description('Folder of the dumps; a relative path starts in the working directory.')),
    './logs/dumps',
  ),
  include_body: v.optional(v.pipe(v.boolean(), v.description('Write bodies too, not only heads.')), true),
  max_age_days: v.optional(
    v.pipe(v.number(), v.minValue(0), v.maxValue(3650), v.description('Days after which dumps are deleted. 0: never.')),
    7,
  ),
})

/** The `logging` section. */
export const LoggingSchema = v.strictObject({
  level: v.optional(
    v.pipe(
      v.picklist(['debug', 'info', 'warn', 'error']),
      v.description(
        'Least level that is written: `error` someone must act, `warn` something was refused or failed over, ' +
          '`info` each request, `debug` each decision.',
      ),
    ),
    'info',
  ),
  general_file: v.optional(
    v.pipe(
      directory,
      v.description(
        'Log file, with the date put into its name day by day; a relative path starts in the working directory. ' +
          'Absent: console only.',
      ),
    ),
  ),
  separate_files: v.optional(
    v.pipe(v.boolean(), v.description('Write one file per request into `request_dir`.')),
    false,
  ),
  request_dir: v.optional(
    v.pipe(directory, v.description('Folder of the request files; a relative path starts in the working directory.')),
    './logs/requests',
  ),
  error_dir: v.optional(
    v.pipe(
      directory,
      v.description(
        'Folder for a second copy of the files of failed requests; a relative path starts in the working directory.',
      ),
    ),
    './logs/errors',
  ),
  mask_sensitive: v.optional(
    v.pipe(v.boolean(), v.description('Replace keys and other secrets in everything that is logged: `sk-ab****cdef`.')),
    true,
  ),
  enable_metrics: v.optional(
    v.pipe(
      v.boolean(),
      v.description('Write one line of figures per request: attempts, total time, time per backend.'),
    ),
    false,
  ),
  max_file_size_mb: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0.001),
      v.maxValue(102_400),
      v.description('Megabytes after which a log file goes on in a new one.'),
    ),
    100,
  ),
  max_age_days: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(3650),
      v.description(
        'Days after which files of `general_file` are deleted, looked for at the start and every hour. 0: never.',
      ),
    ),
    0,
  ),
  max_total_size_mb: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(10_000_000),
      v.description(
        'Megabytes of all files of `general_file` together; beyond, the oldest are deleted, and never the one that is written. 0: no limit.',
      ),
    ),
    0,
  ),
  format: v.optional(
    v.pipe(v.picklist(['text', 'json']), v.description('`text` for people, `json` for machines.')),
    'text',
  ),
  language: v.optional(v.pipe(v.picklist(['en', 'zh']), v.description('Language of the text form.')), 'en'),
  timezone: v.optional(
    v.pipe(
      v.string(),
      v.check(isTimeZone, 'expected a time zone such as "Asia/Shanghai", "UTC", "+08:00" or "local"'),
      v.description(
        'Time zone of lines, of the days that name files and folders, and of the status page until its viewer chooses ' +
          'another: an IANA name such as `Asia/Shanghai`, `UTC`, an offset such as `+08:00`, or `local`, the one of the ' +
          'machine. Lines in JSON tell UTC with `local`, else the time there with its offset.',
      ),
    ),
    'local',
  ),
  categories: v.optional(
    v.pipe(
      v.strictObject({
        request_body: v.optional(
          v.pipe(
            RequestBodySchema,
            v.description('Dumps of every request and answer, as they came and as they were passed on.'),
          ),
          {},
        ),
      }),
      v.description('Kinds of records with settings of their own.'),
    ),
    {},
  ),
})
