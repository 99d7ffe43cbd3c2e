import { setTimeout as delay } from 'node:timers/promises';
import type { Draw } from '../rig/draw.ts';
import type { Passing, Protocol } from '../rig/message-proxy.ts';
import type { Disturbance } from '../rig/proxied-guest.ts';
import { CLIENT_TIMEOUT_MS, type FaultKind, type Traffic } from './wire-fault.ts';

interface Target {
  readonly protocol: Protocol;
  readonly index: number;
}

function drawTarget(draw: Draw, traffic: Traffic, protocols: readonly Protocol[]): Target {
  const protocol = draw.pick(protocols);
  return { protocol, index: draw.below(Math.max(1, traffic[protocol].down.messages)) };
}

function name({ protocol, index }: Target): string {
  return `${protocol} message ${index} from QEMU`;
}

/** Does something to one message of the first session. */
function atMessage({ protocol, index }: Target, instead: (bytes: Buffer) => Buffer | Promise<Buffer>): Disturbance {
  let hasActed = false;
  return {
    async before(message: Passing): Promise<Buffer | undefined> {
      if (hasActed || message.protocol !== protocol || message.direction !== 'down' || message.index !== index)
        return undefined;
      hasActed = true;
      return await instead(message.bytes);
    },
  };
}

/** A reply that is the message but for one field, where the message is a reply. */
function withField(bytes: Buffer, change: (reply: Record<string, unknown>) => void): Buffer {
  try {
    const reply = JSON.parse(bytes.toString()) as Record<string, unknown>;
    change(reply);
    return Buffer.from(`${JSON.stringify(reply)}\r\n`);
  } catch {
    return bytes;
  }
}

function packetOf(payload: string): string {
  const sum = Buffer.from(payload, 'latin1').reduce((total, byte) => total + byte, 0) & 0xff;
  return `$${payload}#${sum.toString(16).padStart(2, '0')}`;
}

const EVENT = '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RTC_CHANGE", "data": {"offset": 0}}\r\n';

/** Messages that are slow, torn, damaged, doubled, lost, huge or made up. */
export const GARBLES: readonly FaultKind[] = [
  {
    name: 'one byte at a time',
    weight: 1,
    draw: () => ({
      what: 'each byte in a write of its own',
      disturbance: {
        before: ({ bytes }) => Array.from(bytes, (byte) => Buffer.of(byte)),
      },
      harmed: [],
      mustAnswer: true,
      limitMs: 60_000,
    }),
  },
  {
    name: 'delays',
    weight: 2,
    draw(draw) {
      const most = draw.between(1, 12);
      return {
        what: `each message delayed by up to ${most} ms`,
        disturbance: {
          async before() {
            await delay(draw.below(most));
            return undefined;
          },
        },
        harmed: [],
        mustAnswer: true,
        limitMs: 60_000,
      };
    },
  },
  {
    name: 'late message',
    weight: 3,
    draw(draw, traffic, protocols) {
      const target = drawTarget(draw, traffic, protocols);
      const ms = draw.pick([0.4, 1.4, 2.5]) * CLIENT_TIMEOUT_MS;
      return {
        what: `${name(target)} late by ${ms} ms`,
        disturbance: atMessage(target, async (bytes) => {
          await delay(ms);
          return bytes;
        }),
        harmed: [target.protocol],
        mustAnswer: ms < CLIENT_TIMEOUT_MS / 2,
      };
    },
  },
  {
    name: 'garbage',
    weight: 2,
    draw(draw, traffic, protocols) {
      const target = drawTarget(draw, traffic, protocols);
      const garbage = draw.bytes(draw.between(1, 400));
      return {
        what: `${garbage.length} random bytes before ${name(target)}`,
        disturbance: atMessage(target, (bytes) => Buffer.concat([garbage, bytes])),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'damaged message',
    weight: 3,
    draw(draw, traffic, protocols) {
      const target = drawTarget(draw, traffic, protocols);
      const part = draw.below(1000) / 1000;
      return {
        what: `a byte of ${name(target)} damaged, at ${part} of it`,
        disturbance: atMessage(target, (bytes) => {
          const damaged = Buffer.from(bytes);
          const at = Math.floor(part * bytes.length);
          // No JSON has this byte, and no checksum of a packet stays right.
          damaged[at] = target.protocol === 'qmp' ? 0x01 : (bytes[at] ?? 0) ^ 0x04;
          return damaged;
        }),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'doubled message',
    weight: 2,
    draw(draw, traffic, protocols) {
      const target = drawTarget(draw, traffic, protocols);
      return {
        what: `${name(target)} twice`,
        disturbance: atMessage(target, (bytes) => Buffer.concat([bytes, bytes])),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'lost message',
    weight: 2,
    draw(draw, traffic, protocols) {
      const drawn = drawTarget(draw, traffic, protocols);
      // By the stub alone its greeting is what tells that the guest ran: without it the stub is that of a guest that had been paused.
      const target = protocols.includes('qmp') || drawn.index > 0 ? drawn : { ...drawn, index: 1 };
      return {
        what: `${name(target)} lost`,
        disturbance: atMessage(target, () => Buffer.alloc(0)),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'wrong id',
    weight: 2,
    needsQmp: true,
    draw(draw, traffic) {
      const target = drawTarget(draw, traffic, ['qmp']);
      const id = draw.pick([undefined, null, -1, 1e15, 'x'.repeat(1000), {}, [], true]);
      return {
        what: `${name(target)} with the id ${JSON.stringify(id)?.slice(0, 20) ?? 'left out'}`,
        disturbance: atMessage(target, (bytes) =>
          withField(bytes, (reply) => {
            if ('id' in reply) reply['id'] = id;
          }),
        ),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'huge or deep JSON',
    weight: 2,
    needsQmp: true,
    draw(draw, traffic) {
      const target = drawTarget(draw, traffic, ['qmp']);
      const [what, text] = draw.pick([
        ['a string of 30 MB', () => `"${'x'.repeat(30 << 20)}"`],
        ['a list of a million numbers', () => `[${'1,'.repeat(1_000_000)}1]`],
        ['100,000 lists in each other', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
        ['100,000 objects in each other', () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
      ] as const);
      return {
        what: `${what} for an answer in ${name(target)}`,
        disturbance: atMessage(target, (bytes) => {
          const id = /"id": ?(\d+)/.exec(bytes.toString())?.[1];
          return id === undefined ? bytes : Buffer.from(`{"return": ${text()}, "id": ${id}}\r\n`);
        }),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'flood of events',
    weight: 2,
    needsQmp: true,
    draw(draw, traffic) {
      const target = drawTarget(draw, traffic, ['qmp']);
      const count = draw.pick([100, 20_000]);
      return {
        what: `${count} events before ${name(target)}`,
        disturbance: atMessage(target, (bytes) => Buffer.concat([Buffer.from(EVENT.repeat(count)), bytes])),
        harmed: [target.protocol],
        mustAnswer: count === 100,
      };
    },
  },
  {
    name: 'packets that were not asked for',
    weight: 2,
    draw(draw, traffic) {
      const target = drawTarget(draw, traffic, ['gdb']);
      const [what, text] = draw.pick([
        ['20 stop replies', packetOf('T02thread:01;').repeat(20)],
        ['1,000 acks', '+'.repeat(1000)],
        ['100 naks', '-'.repeat(100)],
        ['an exit', packetOf('W00')],
        ['an empty reply', packetOf('')],
        ['an error', packetOf('E22')],
        ['1,000 lines of monitor output', packetOf('O61').repeat(1000)],
        ['half a packet', '$m'],
      ] as const);
      return {
        what: `${what} before ${name(target)}`,
        disturbance: atMessage(target, (bytes) => Buffer.concat([Buffer.from(text, 'latin1'), bytes])),
        harmed: [target.protocol],
        mustAnswer: false,
      };
    },
  },
];
