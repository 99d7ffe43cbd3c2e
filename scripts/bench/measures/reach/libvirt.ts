import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { type GuestView, withPausedGuest } from '../../../../src/guest/index.ts';
import { PauseClock } from '../../../demo/pause-clock.ts';
import { LibvirtGuest } from '../../../torture/rig/libvirt/libvirt-guest.ts';
import type { Benchmark } from '../../benchmark.ts';
import type { Figure } from '../../figure.ts';
import { median, timeMs } from '../../statistics.ts';
import { TurnCounter } from './turn-counter.ts';

const ROUNDS = 25;
/** In a program that has just started the JIT compiler is still finding out what is worth its while. */
const WARM_UP_ROUNDS = 5;

const QUESTIONS: readonly (readonly [name: string, ask: (view: GuestView) => Promise<unknown>])[] = [
  [
    'one translation',
    (view) =>
      view.translate([
        // A page of the kernel long4.
        { linearAddress: 0xffff_8000_0000_0123n, access: { write: true, user: false, exec: false } },
      ]),
  ],
  ['a whole map', (view) => view.mapRanges(() => true)],
];

interface Look {
  readonly pauseMs: number;
  readonly wallMs: number;
  readonly roundTrips: number;
}

/** Attaching and detaching included. */
async function look(qmp: string, clock: PauseClock, ask: (view: GuestView) => Promise<unknown>): Promise<Look> {
  const counter = new TurnCounter();
  let pauseMs = 0;
  const wallMs = await timeMs(async () => {
    ({ pauseMs } = await clock.measure(() => withPausedGuest({ qmp, trace: counter.trace }, ask)));
  });
  return { pauseMs, wallMs, roundTrips: counter.turns };
}

function compared(name: string, what: keyof Look, unit: string, pairs: readonly (readonly [Look, Look])[]): Figure {
  const one = median(pairs.map(([through]) => through[what]));
  const other = median(pairs.map(([, direct]) => direct[what]));
  return {
    name,
    value: median(pairs.map(([through, direct]) => through[what] / direct[what])),
    unit: 'x',
    bar: null,
    details: { [`libvirt${unit}`]: one, [`direct${unit}`]: other, rounds: pairs.length },
  };
}

async function* run(): AsyncGenerator<Figure> {
  await using guest = await LibvirtGuest.start();
  const witness = await QmpClient.connect(guest.libvirt.endpointOf('clock'));
  try {
    const clock = new PauseClock(witness);
    for (const [name, ask] of QUESTIONS) {
      const pairs: (readonly [Look, Look])[] = [];
      for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
        const pair = [
          await look(guest.endpoint, clock, ask),
          await look(guest.libvirt.endpointOf('direct'), clock, ask),
        ] as const;
        if (round >= 0) pairs.push(pair);
      }
      const against = `${name} through libvirt, against a monitor of the same domain`;
      yield compared(`pause of ${against}`, 'pauseMs', 'Ms', pairs);
      yield compared(`wall time of ${against}, attaching and detaching included`, 'wallMs', 'Ms', pairs);
      yield compared(`round trips of ${against}`, 'roundTrips', '', pairs);
    }
  } finally {
    await witness.close();
  }
}

/** What libvirt between QEMU and us costs a domain, and who asks. */
export const reach: Benchmark = { name: 'reach', run };
