import type { Backend, Candidate } from '#core/candidate.ts'
import { linkWith, patient } from './outgoing.ts'

/** A candidate at `backend` for `model`, with overrides. */
export function candidateOf(backend: string, model: string, overrides: Partial<Candidate> = {}): Candidate {
  return {
    id: `${backend}/${model}`,
    stateKey: JSON.stringify([backend, model]),
    backend: backendOf(backend),
    model,
    protocol: 'openai',
    dialects: new Set(['openai']),
    weight: 1,
    streamClocks: { firstContentMs: 0, idleMs: 0, durationMs: 0 },
    prefill: undefined,
    ...overrides,
  }
}

/** A backend at `http://<name>/v1` without a key, with overrides. */
export function backendOf(name: string, overrides: Partial<Backend> = {}): Backend {
  return {
    name,
    url: new URL('http://backend.test/v1'),
    apiKey: undefined,
    authMode: 'dialect',
    headers: [],
    secrets: [],
    timeouts: { ...patient, idleMs: 0, totalMs: 0 },
    apiVersion: '2024-10-21',
    link: linkWith(),
    forwardClientIp: false,
    websocket: true,
    ...overrides,
  }
}
