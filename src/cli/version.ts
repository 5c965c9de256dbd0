import { exit } from './exit.ts'
import type { Io } from './io.ts'

/** Put in by the build (`scripts/compile.ts`); not there when the program runs from its sources. */
declare const BUILD_VERSION: string | undefined
declare const BUILD_COMMIT: string | undefined
declare const BUILD_TIME: string | undefined

/** Which build this is: what `version` prints, the start-up line says and `/health` shows. */
export interface BuildInfo {
  readonly version: string
  readonly commit: string
  /** RFC 3339, UTC; the time of the commit, so that the same source gives the same bytes. */
  readonly builtAt: string
}

export const buildInfo: BuildInfo = {
  version: typeof BUILD_VERSION === 'string' ? BUILD_VERSION : 'dev',
  commit: typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'unknown',
  builtAt: typeof BUILD_TIME === 'string' ? BUILD_TIME : 'unknown',
}

/** `llm-proxy version`: one line for people, or one JSON object for programs. */
export function version(io: Pick<Io, 'stdout'>, json: boolean): number {
  const platform = `${process.platform}-${process.arch}`
  const runtime = `bun ${Bun.version}`
  if (json) io.stdout(`${JSON.stringify({ ...buildInfo, platform, runtime })}\n`)
  else
    io.stdout(
      `llm-proxy ${buildInfo.version} (commit ${buildInfo.commit}, built ${buildInfo.builtAt}, ${platform}, ${runtime})\n`,
    )
  return exit.done
}
