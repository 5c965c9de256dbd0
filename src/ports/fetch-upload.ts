/** Told how a request's body goes out. */
export interface UploadWatch {
  /** What was handed over before is on its way, and more is asked for. */
  onAsked(): void
  onHandedOver(): void
  /** All of it was handed over. */
  onSent(): void
  /** Its source failed. */
  onUnreadable(): void
}

const sliceBytes = 262_144

/** Bytes as a stream that is pulled slice by slice, so that progress shows. */
export function slicedUpload(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  watch: UploadWatch,
): ReadableStream<Uint8Array> {
  let at = 0
  let offset = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        watch.onAsked()
        while (pieces[at]?.byteLength === offset) {
          at += 1
          offset = 0
        }
        const piece = pieces[at]
        if (piece === undefined) {
          watch.onSent()
          return controller.close()
        }
        const slice = piece.subarray(offset, offset + sliceBytes)
        offset += slice.byteLength
        controller.enqueue(slice)
        watch.onHandedOver()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * A stream passed on as it comes. Waiting for its source counts as no delay of the upstream; one that has not `bytes`,
 * where they are told, is unreadable.
 */
export function watchedUpload(
  source: ReadableStream<Uint8Array>,
  watch: UploadWatch,
  bytes: number | undefined,
): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  let leftBytes = bytes ?? Infinity
  let isLeft = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        watch.onAsked()
        try {
          const { done, value } = await reader.read()
          // An answer may come before all of it was read.
          if (isLeft) return
          leftBytes -= value?.byteLength ?? 0
          if (leftBytes < 0 || (done && bytes !== undefined && leftBytes > 0)) throw new RangeError('another length')
          if (done) {
            watch.onSent()
            return controller.close()
          }
          controller.enqueue(value)
          watch.onHandedOver()
        } catch (error) {
          watch.onUnreadable()
          controller.error(error)
        }
      },
      async cancel(reason) {
        isLeft = true
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
