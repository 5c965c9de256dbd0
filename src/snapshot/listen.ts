import type { ListenAddress } from './snapshot.ts'

/** `":8080"`, `"host:port"`, `"[::1]:port"` or `"unix:/path"` → where to listen; undefined for other text. */
export function parseListen(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length)
    return path === '' ? undefined : { kind: 'unix', path }
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) return undefined
  const host = match[1] ?? match[2]
  return { kind: 'tcp', host: host === '' ? undefined : host, port }
}

/** The form that {@link parseListen} reads. */
export function formatListen(listen: ListenAddress): string {
  if (listen.kind === 'unix') return `unix:${listen.path}`
  const { host = '', port } = listen
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Only programs of this machine can connect. */
export function isLocal(listen: ListenAddress): boolean {
  if (listen.kind === 'unix') return true
  const host = listen.host?.toLowerCase()
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host ?? '')
}
