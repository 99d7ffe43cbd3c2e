import { once } from 'node:events';
import type { Draw } from '../rig/draw.ts';
import type { Direction, Ends, Passing, Protocol } from '../rig/message-proxy.ts';
import type { Disturbance } from '../rig/proxied-guest.ts';
import type { FaultKind, Traffic, WireFault } from './wire-fault.ts';

const NOTHING = Buffer.alloc(0);

/** Ends both connections, as a tunnel does that is torn down. */
function tearDown({ client, server }: Ends): void {
  client.destroy();
  server.destroy();
}

/** Until the client leaves: then QEMU learns of it. */
async function untilClientLeaves(ends: Ends): Promise<void> {
  if (!ends.client.readableEnded && !ends.client.destroyed) {
    await Promise.race([once(ends.client, 'end'), once(ends.client, 'close')]).catch(() => {});
  }
  tearDown(ends);
}

interface Place {
  readonly protocol: Protocol;
  readonly direction: Direction;
}

/** Does something at a byte of the first session, once. What connects afterwards is left alone. */
export function atByte(
  { protocol, direction }: Place,
  position: number,
  act: (ends: Ends) => Promise<void> | void,
): Disturbance {
  let passed = 0;
  let hasActed = false;
  return {
    async before(message: Passing, ends: Ends): Promise<Buffer | undefined> {
      if (hasActed || message.protocol !== protocol || message.direction !== direction) return undefined;
      const left = position - passed;
      passed += message.bytes.length;
      if (left >= message.bytes.length) return undefined;
      hasActed = true;
      const to = direction === 'up' ? ends.server : ends.client;
      if (left > 0) to.write(message.bytes.subarray(0, left));
      // What was written before is to arrive.
      await new Promise((resolve) => setTimeout(resolve, 5));
      await act(ends);
      return NOTHING;
    },
  };
}

function drawPlace(draw: Draw, protocols: readonly Protocol[]): Place {
  return { protocol: draw.pick(protocols), direction: draw.pick(['up', 'down']) };
}

function drawByte(draw: Draw, traffic: Traffic, { protocol, direction }: Place): number {
  return draw.below(Math.max(1, traffic[protocol][direction].bytes));
}

function where({ protocol, direction }: Place, position: number): string {
  return `${protocol} ${direction === 'up' ? 'to' : 'from'} QEMU at byte ${position}`;
}

/** A cut at a byte. */
export function cutAt(place: Place, position: number): Omit<WireFault, 'mustAnswer'> {
  const disturbance = atByte(place, position, tearDown);
  return { what: `cut ${where(place, position)}`, disturbance, harmed: [place.protocol] };
}

/** Connections that break, or fall silent. */
export const BREAKS: readonly FaultKind[] = [
  {
    name: 'cut',
    weight: 8,
    draw(draw, traffic, protocols) {
      const place = drawPlace(draw, protocols);
      return { ...cutAt(place, drawByte(draw, traffic, place)), mustAnswer: false };
    },
  },
  {
    name: 'half-close',
    weight: 2,
    draw(draw, traffic, protocols) {
      const place: Place = { protocol: draw.pick(protocols), direction: 'down' };
      const position = drawByte(draw, traffic, place);
      const act = async (ends: Ends): Promise<void> => {
        ends.client.end();
        await untilClientLeaves(ends);
      };
      return {
        what: `half-close ${where(place, position)}`,
        disturbance: atByte(place, position, act),
        harmed: [place.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'stall',
    weight: 4,
    draw(draw, traffic, protocols) {
      const place = drawPlace(draw, protocols);
      const position = drawByte(draw, traffic, place);
      return {
        what: `silence ${where(place, position)}`,
        disturbance: atByte(place, position, untilClientLeaves),
        harmed: [place.protocol],
        mustAnswer: false,
      };
    },
  },
  {
    name: 'endless bytes',
    weight: 2,
    draw(draw, traffic, protocols) {
      const place: Place = { protocol: draw.pick(protocols), direction: 'down' };
      const position = drawByte(draw, traffic, place);
      const byte = draw.pick(['a', '{', '$', '"', '[', '+', '\0']);
      const act = async (ends: Ends): Promise<void> => {
        const chunk = Buffer.from((byte === '$' ? '$a' : byte).repeat(1 << 16), 'latin1');
        const pump = (): void => {
          if (ends.client.writable && ends.client.writableLength < 1 << 22) ends.client.write(chunk);
        };
        const timer = setInterval(pump, 1);
        await untilClientLeaves(ends);
        clearInterval(timer);
      };
      return {
        what: `endless ${JSON.stringify(byte)} on ${where(place, position)}`,
        disturbance: atByte(place, position, act),
        harmed: [place.protocol],
        mustAnswer: false,
      };
    },
  },
];
