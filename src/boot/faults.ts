import type { Log } from '#ports/log.ts'

/** A mistake in one corner must not end every stream: what nobody caught is told, and the process goes on. */
export function survive(log: Log): () => void {
  const tell = (reason: unknown): void => {
    log.write('error', 'unhandled_error', {
      reason: reason instanceof Error ? reason.message : String(reason),
      stack: reason instanceof Error ? reason.stack : undefined,
    })
  }
  process.on('unhandledRejection', tell)
  process.on('uncaughtException', tell)
  return () => {
    process.off('unhandledRejection', tell)
    process.off('uncaughtException', tell)
  }
}
