import { dlopen, ptr } from 'bun:ffi'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A port that several processes listen on, as Linux sees it: every socket takes its share of the new connections. */
export interface SharedPort {
  /** Sockets that listen there, ours among them. */
  readonly listeners: number
  /** All new connections go to the sockets at these places of the kernel's list, at random. False when the kernel will not have it. */
  steerTo(places: readonly number[]): boolean
  /** New connections are shared by all again. */
  steerToAll(): void
  /** The same for all but our own socket, which takes none any more. */
  leave(): void
}

/** Undefined when this process does not listen there, or the system has no such thing. */
export function openSharedPort(port: number): SharedPort | undefined {
  const sockets = listeningOn(port)
  const descriptor = ownDescriptor(new Set(sockets.map((inode) => `socket:[${inode}]`)))
  return descriptor === undefined ? undefined : new KernelPort(descriptor, sockets.length)
}

/**
 * A program of the classic packet filter chooses the socket for a new connection. A socket that is closed takes those
 * with it that wait to be accepted, and those whose handshake is under way, so ours must be out of the choice before.
 */
class KernelPort implements SharedPort {
  readonly listeners: number
  readonly #descriptor: number
  readonly #library = dlopen('libc.so.6', {
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    shutdown: { args: ['i32', 'i32'], returns: 'i32' },
  })

  constructor(descriptor: number, listeners: number) {
    this.#descriptor = descriptor
    this.listeners = listeners
  }

  steerTo(places: readonly number[]): boolean {
    const instructions = programFor(places)
    const text = new DataView(new ArrayBuffer(8 * instructions.length))
    for (const [index, { code, ifTrue = 0, ifFalse = 0, value }] of instructions.entries()) {
      text.setUint16(8 * index, code, true)
      text.setUint8(8 * index + 2, ifTrue)
      text.setUint8(8 * index + 3, ifFalse)
      text.setUint32(8 * index + 4, value, true)
    }
    const program = new DataView(new ArrayBuffer(16))
    program.setUint16(0, instructions.length, true)
    program.setBigUint64(8, BigInt(ptr(text)), true)
    return this.#set(attachFilter, program)
  }

  steerToAll(): void {
    this.#set(detachFilter, new DataView(new ArrayBuffer(4)))
  }

  leave(): void {
    this.steerToAll()
    // At once: what arrives between the two calls is lost.
    this.#library.symbols.shutdown(this.#descriptor, shutReading)
  }

  #set(option: number, value: DataView): boolean {
    return this.#library.symbols.setsockopt(this.#descriptor, socketLevel, option, ptr(value), value.byteLength) === 0
  }
}

interface Instruction {
  readonly code: number
  /** Instructions to skip. */
  readonly ifTrue?: number
  readonly ifFalse?: number
  readonly value: number
}

function programFor(places: readonly number[]): readonly Instruction[] {
  const [last = 0] = places.slice(-1)
  const others = places.slice(0, -1)
  const end: Instruction = { code: returnConstant, value: last }
  if (others.length === 0) return [end]
  return [
    { code: loadWord, value: randomNumber },
    { code: remainder, value: places.length },
    ...others.flatMap((place, index): Instruction[] => [
      { code: skipUnlessEqual, ifFalse: 1, value: index },
      { code: returnConstant, value: place },
    ]),
    end,
  ]
}

// <asm-generic/socket.h>, <linux/filter.h>: the same on x86-64 and arm64.
const socketLevel = 1
const attachFilter = 51
const detachFilter = 68
const returnConstant = 0x06
const loadWord = 0x20
const remainder = 0x94
const skipUnlessEqual = 0x15
/** SKF_AD_OFF + SKF_AD_RANDOM. */
const randomNumber = 0xff_ff_f0_38
const shutReading = 0

/** Inodes of the sockets that listen on a port, those of other processes too. */
function listeningOn(port: number): readonly string[] {
  return ['tcp', 'tcp6'].flatMap((family) => {
    const [, ...rows] = tableOf(family).trim().split('\n')
    return rows.flatMap((row) => {
      const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/)
      const isThere = state === listening && Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16) === port
      return isThere ? [inode] : []
    })
  })
}

/** Empty where the kernel has none of this kind: IPv6 may be switched off. */
function tableOf(family: string): string {
  try {
    return readFileSync(`/proc/self/net/${family}`, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

const listening = '0A'

function ownDescriptor(sockets: ReadonlySet<string>): number | undefined {
  const folder = '/proc/self/fd'
  const found = readdirSync(folder).find((name) => {
    try {
      return sockets.has(readlinkSync(`${folder}/${name}`))
    } catch {
      // Closed since the listing.
      return false
    }
  })
  return found === undefined ? undefined : Number(found)
}
