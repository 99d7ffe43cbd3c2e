import { setTimeout as delay } from 'node:timers/promises';
import { hmpOf, type Lie, monitorCommand, type Request } from '../lie.ts';

let hasStopped = false;

/** Notes that the guest was stopped: what is lied about comes afterwards. */
function afterStop(request: Request): boolean {
  if (request.execute === 'stop') hasStopped = true;
  return (
    hasStopped && request.execute !== 'stop' && request.execute !== 'cont' && request.execute !== 'qmp_capabilities'
  );
}

/** Answers nothing more once the guest is paused, but lets it be resumed. */
function silentIn(isMeant: (request: Request) => boolean, isMeantPacket: (payload: string) => boolean): Lie {
  return {
    answer: (request) => (afterStop(request) && isMeant(request) ? 'silence' : undefined),
    packet: (payload) => (isMeantPacket(payload) ? 'silence' : undefined),
  };
}

const never = (): boolean => false;

/** Ways to keep a guest paused by saying nothing, or little. */
export const STALLS: Readonly<Record<string, Lie>> = {
  'silence-in-monitor': silentIn(() => true, never),
  'silence-in-mtree': silentIn(
    (request) => hmpOf(request).startsWith('info mtree'),
    (payload) => monitorCommand(payload).startsWith('info mtree'),
  ),
  'silence-in-device-state': silentIn((request) => request.execute === 'xen-save-devices-state', never),
  'silence-in-registers': silentIn(never, (payload) => /^[gp]/.test(payload)),
  'silence-in-memory': silentIn(never, (payload) => payload.startsWith('m')),
  'silence-in-stub': silentIn(never, (payload) => !payload.startsWith('qSupported')),
  'silence-in-physical-mode': silentIn(never, (payload) => payload.startsWith('Qqemu.PhyMemMode:1')),
  'slow-memory': {
    async packet(payload) {
      if (payload.startsWith('m')) await delay(700);
      return undefined;
    },
  },
  'slow-monitor': {
    async answer(request) {
      if (afterStop(request)) await delay(1500);
      return undefined;
    },
  },
  /** Tables that lead to ever new tables: a map of them has no end. */
  'endless-tables': {
    packet(payload) {
      const [, address, length] = /^m([0-9a-f]+),([0-9a-f]+)$/.exec(payload) ?? [];
      if (address === undefined || length === undefined) return undefined;
      const count = Number.parseInt(length, 16);
      const bytes = Buffer.alloc(count);
      const base = BigInt(`0x${address}`);
      for (let at = 0; at + 8 <= count; at += 8) {
        bytes.writeBigUInt64LE((((base + BigInt(at)) * 0x9e37n * 0x1000n) % 0x1fff000n) | 0x7n, at);
      }
      return [bytes.toString('hex')];
    },
  },
};
