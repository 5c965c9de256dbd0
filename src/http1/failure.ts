import type { TransportFailure, TransportTrace } from '#ports/transport.ts'

/** Why an exchange broke; without a trace nothing of it went out. */
export function transportFailure(
  phase: TransportFailure['phase'],
  cause: TransportFailure['cause'],
  message: string,
  trace: TransportTrace = untouched,
): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message, trace }
}

const untouched: TransportTrace = { bytesSent: 0, bytesReceived: 0, wasReused: false, afterMs: 0 }
