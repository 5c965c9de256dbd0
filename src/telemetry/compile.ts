import type * as v from 'valibot'
import { timeZoneOf } from '#kit/time-zone.ts'
import type { LoggingPolicy } from './policy.ts'
import type { LoggingSchema } from './schema.ts'

/** The `logging` section as it was read, defaults filled in. */
export type LoggingConfig = v.InferOutput<typeof LoggingSchema>

/** The `logging` section → its compiled policy. Nothing in it can be wrong any more. */
export function compileLogging(config: LoggingConfig): LoggingPolicy {
  const bodies = config.categories.request_body
  return {
    level: config.level,
    format: config.format,
    language: config.language,
    zone: timeZoneOf(config.timezone),
    generalFile: config.general_file,
    separateFiles: config.separate_files,
    requestDir: config.request_dir,
    errorDir: config.error_dir,
    maskSensitive: config.mask_sensitive,
    metricsLines: config.enable_metrics,
    fileBytesMax: Math.round(config.max_file_size_mb * 1_048_576),
    fileAgeDaysMax: config.max_age_days,
    totalBytesMax: Math.round(config.max_total_size_mb * 1_048_576),
    // Prompts must not get into the general log at the default level.
    mergedRequests: !config.separate_files && config.level === 'debug',
    dumps:
      bodies.level === 'none'
        ? undefined
        : { directory: bodies.path, includeBody: bodies.include_body, ageDaysMax: bodies.max_age_days },
  }
}
