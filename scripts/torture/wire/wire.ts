import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import type { Suite, TortureOptions } from '../scenario.ts';
import { TortureError } from '../torture-error.ts';
import { BREAKS, cutAt } from './breaks.ts';
import { cutPositions } from './cut-positions.ts';
import { EVENT_ORDER_FAULT, EVENT_ORDERS } from './event-orders.ts';
import { GARBLES } from './garble.ts';
import type { FaultKind } from './wire-fault.ts';
import { WireLane } from './wire-lane.ts';

const USUAL_COUNT = 400;
const CUT_QUESTION = 'translate with all flags';

/** Every kind of fault that is drawn. */
export const FAULT_KINDS: readonly FaultKind[] = [...BREAKS, ...GARBLES, EVENT_ORDER_FAULT];

/** Sessions between a client and QEMU that break, stall, lie and come in another order. */
export const wire: Suite = {
  name: 'wire',
  summary: 'faults between client and QEMU; 400 cases. --named TEXT: only such kinds',
  async run({ seed, count = USUAL_COUNT, only, named, lanes, report }) {
    const kinds = choose({ what: 'kind of fault', all: FAULT_KINDS, nameOf: ({ name }) => name, named });
    const cases = only === undefined ? Array.from({ length: count }, (_, number) => number) : [only];
    await runInLanes(
      cases,
      lanes,
      () => WireLane.open(),
      async (number, lane) => report(await lane.run(seed, number, kinds)),
    );
  },
};

/** Where the bytes of a session travel, in the order in which they are counted. */
const WAYS = (['qmp', 'gdb'] as const).flatMap((protocol) =>
  (['up', 'down'] as const).map((direction) => ({ protocol, direction })),
);

/** The position that a number stands for, among all bytes of a session: both protocols, both ways. */
async function placeOf(lane: WireLane, number: number) {
  const traffic = await lane.traffic(lane.question(CUT_QUESTION), 'QMP and the stub', true);
  let left = number;
  for (const place of WAYS) {
    const { bytes } = traffic[place.protocol][place.direction];
    if (left < bytes) return { place, position: left };
    left -= bytes;
  }
  return undefined;
}

/** How many bytes the messages of a session have. */
async function sessionLengths(): Promise<readonly number[]> {
  await using lane = await WireLane.open();
  const traffic = await lane.traffic(lane.question(CUT_QUESTION), 'QMP and the stub', true);
  return WAYS.flatMap(({ protocol, direction }) => traffic[protocol][direction].lengths);
}

async function runCuts({ count, only, lanes, report }: TortureOptions): Promise<void> {
  const positions = only === undefined ? cutPositions(await sessionLengths(), count) : [only];
  await runInLanes(
    positions,
    lanes,
    () => WireLane.open(),
    async (number, lane) => {
      const found = await placeOf(lane, number);
      if (found === undefined) throw new TortureError(`a session has fewer bytes than ${number}`);
      const fault = { ...cutAt(found.place, found.position), mustAnswer: false };
      const question = lane.question(CUT_QUESTION);
      const outcome = {
        question,
        reach: 'QMP and the stub',
        ran: true,
        kind: 'cut',
        fault,
        briefly: number % 20 !== 0,
      } as const;
      report(await lane.do(outcome, `cuts --case ${number}`));
    },
  );
}

/** A session cut at every byte. */
export const cuts: Suite = {
  name: 'cuts',
  summary: 'a session cut at every byte of it: hours. --count N: at N of them, half where messages begin and end',
  isEndless: true,
  run: runCuts,
};

/** Every order of events and replies around a pause, each with a guest that runs and one that is paused. */
export const orders: Suite = {
  name: 'orders',
  summary: 'every order and delay of STOP, RESUME and the replies to stop and cont',
  async run({ only, named, lanes, report }) {
    const names = ['translate', 'diff', 'batch that sets bits'];
    const all = EVENT_ORDERS.flatMap((order) =>
      names.flatMap((name) => [true, false].map((ran) => ({ order, name, ran }))),
    )
      .filter(({ name, ran }) => ran || name !== 'diff')
      .map((each, number) => ({ ...each, number }));
    const chosen = choose({ what: 'order of events', all, nameOf: ({ order }) => order.what, named, only });
    const byNumber = new Map(chosen.map((each) => [each.number, each]));
    await runInLanes(
      [...byNumber.keys()],
      lanes,
      () => WireLane.open(),
      async (number, lane) => {
        const found = byNumber.get(number);
        if (found === undefined) return;
        const { order, name, ran } = found;
        const question = lane.question(name);
        const fault = { what: order.what, disturbance: order.make(), harmed: [], mustAnswer: true };
        report(
          await lane.do(
            { question, reach: 'QMP and the stub', ran, kind: order.what, fault },
            `orders --case ${number}`,
          ),
        );
      },
    );
  },
};
