import { choose } from '../choose.ts';
import { runInLanes } from '../lanes.ts';
import type { Suite } from '../scenario.ts';
import { LibvirtLane } from './libvirt-lane.ts';
import { LIBVIRT_WAYS } from './libvirt-ways.ts';

const USUAL_COUNT = 120;

/** Clients, virsh and libvirtd that come to harm, at every message that goes through libvirt and at random moments. */
export const libvirt: Suite = {
  name: 'libvirt',
  summary: 'clients, virsh and libvirtd that come to harm; 120 cases. --named TEXT: only such ways',
  async run({ seed, count = USUAL_COUNT, only, named, lanes, report }) {
    const ways = choose({ what: 'way of coming to harm', all: LIBVIRT_WAYS, nameOf: ({ name }) => name, named });
    const cases = only === undefined ? Array.from({ length: count }, (_, number) => number) : [only];
    await runInLanes(
      cases,
      lanes,
      () => LibvirtLane.open(ways),
      async (number, lane) => report(await lane.run(seed, number)),
    );
  },
};
