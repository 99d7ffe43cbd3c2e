import type { Draw } from '../rig/draw.ts';
import type { Direction, Protocol } from '../rig/message-proxy.ts';
import type { Disturbance } from '../rig/proxied-guest.ts';

/** What travels one way when nothing disturbs it. */
export interface OneWay {
  readonly messages: number;
  readonly bytes: number;
  /** Of each message, in bytes. */
  readonly lengths: readonly number[];
}

/** How much travels when nothing disturbs it. */
export type Traffic = Readonly<Record<Protocol, Readonly<Record<Direction, OneWay>>>>;

/** Something that goes wrong between a client and QEMU. */
export interface WireFault {
  /** In words, with all numbers that were drawn. */
  readonly what: string;
  readonly disturbance: Disturbance;
  /** On these connections something of QEMU's may be lost or other than it was sent. */
  readonly harmed: readonly Protocol[];
  /** The client has to answer as if nothing had been; otherwise a clear error will do. */
  readonly mustAnswer: boolean;
  /** How long a run may take, besides what it takes undisturbed. */
  readonly limitMs?: number;
}

/** A kind of fault, of which each case draws one. */
export interface FaultKind {
  readonly name: string;
  readonly weight: number;
  /** Only QMP has events, only it needs a connection of its own. */
  readonly needsQmp?: boolean;
  draw(draw: Draw, traffic: Traffic, protocols: readonly Protocol[]): WireFault;
}

/** For connecting, and for each request, as the client is told. */
export const CLIENT_TIMEOUT_MS = 4000;
