import { setTimeout as delay } from 'node:timers/promises';
import type { Ends, Passing } from '../rig/message-proxy.ts';
import type { Disturbance } from '../rig/proxied-guest.ts';
import { CLIENT_TIMEOUT_MS, type FaultKind } from './wire-fault.ts';

const STOP_OR_RESUME = /"event": ?"(STOP|RESUME)"/;

function isEvent({ protocol, direction, bytes }: Passing): boolean {
  return protocol === 'qmp' && direction === 'down' && STOP_OR_RESUME.test(bytes.toString('latin1'));
}

/** Holds STOP and RESUME back: they come when so many other messages have passed, and so much time. */
function eventsLater(messages: number, ms: number): Disturbance {
  const held: { readonly bytes: Buffer; left: number }[] = [];
  return {
    before(message: Passing) {
      if (!isEvent(message)) return undefined;
      held.push({ bytes: message.bytes, left: messages });
      return Buffer.alloc(0);
    },
    after(message: Passing, ends: Ends) {
      if (message.protocol !== 'qmp' || message.direction !== 'down' || isEvent(message)) return;
      for (const event of [...held]) {
        event.left -= 1;
        if (event.left > 0) continue;
        held.splice(held.indexOf(event), 1);
        void delay(ms).then(() => ends.client.writable && ends.client.write(event.bytes));
      }
    },
  };
}

function eventsInstead(instead: (bytes: Buffer) => Buffer): Disturbance {
  return { before: (message) => (isEvent(message) ? instead(message.bytes) : undefined) };
}

/** The replies to `stop` and `cont` come late, their events in time. */
function repliesLater(ms: number): Disturbance {
  const ids = new Set<string>();
  return {
    async before({ protocol, direction, bytes }) {
      if (protocol !== 'qmp') return undefined;
      const text = bytes.toString('latin1');
      const id = /"id": ?(\d+)/.exec(text)?.[1] ?? '';
      if (direction === 'up' && /"execute": ?"(stop|cont)"/.test(text)) ids.add(id);
      if (direction === 'down' && !STOP_OR_RESUME.test(text) && ids.delete(id)) await delay(ms);
      return undefined;
    },
  };
}

/** Old events that a proxy kept for the next client. */
function staleEvents(names: readonly string[]): Disturbance {
  let done = false;
  return {
    before({ protocol, direction, index, bytes }) {
      if (done || protocol !== 'qmp' || direction !== 'down' || index !== 1) return undefined;
      done = true;
      const lines = names.map((name) => `{"timestamp": {"seconds": 1, "microseconds": 1}, "event": "${name}"}\r\n`);
      return Buffer.concat([bytes, Buffer.from(lines.join(''))]);
    },
  };
}

interface Order {
  readonly what: string;
  readonly make: () => Disturbance;
}

/** Every order and delay of what tells of a pause. */
export const EVENT_ORDERS: readonly Order[] = [
  { what: 'STOP and RESUME right after the reply', make: () => eventsLater(1, 0) },
  { what: 'STOP and RESUME 40 ms after the reply', make: () => eventsLater(1, 40) },
  { what: 'STOP and RESUME after the reply to the command behind', make: () => eventsLater(2, 0) },
  { what: 'STOP and RESUME a second after the reply', make: () => eventsLater(1, 1000) },
  { what: 'STOP and RESUME three seconds after the reply', make: () => eventsLater(1, 3000) },
  { what: 'no STOP and no RESUME', make: () => eventsInstead(() => Buffer.alloc(0)) },
  { what: 'STOP and RESUME twice', make: () => eventsInstead((bytes) => Buffer.concat([bytes, bytes])) },
  { what: 'the replies to stop and cont late by 200 ms', make: () => repliesLater(200) },
  {
    what: 'the replies to stop and cont late by half the time there is',
    make: () => repliesLater(CLIENT_TIMEOUT_MS / 2),
  },
  { what: 'a STOP from before the connection', make: () => staleEvents(['STOP']) },
  { what: 'a RESUME from before the connection', make: () => staleEvents(['RESUME']) },
  { what: 'STOP and RESUME from before the connection', make: () => staleEvents(['STOP', 'RESUME']) },
  { what: 'RESUME and STOP from before the connection', make: () => staleEvents(['RESUME', 'STOP']) },
];

/** The orders as a kind of fault: whatever comes when, the answer is right. */
export const EVENT_ORDER_FAULT: FaultKind = {
  name: 'order of events and replies',
  weight: 8,
  needsQmp: true,
  draw(draw) {
    const order = draw.pick(EVENT_ORDERS);
    return { what: order.what, disturbance: order.make(), harmed: [], mustAnswer: true };
  },
};
