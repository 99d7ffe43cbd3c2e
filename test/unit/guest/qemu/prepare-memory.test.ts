import { expect } from 'chai';
import type { Monitor } from '../../../../src/guest/monitor/monitor.ts';
import { type Peer, unknownPeer } from '../../../../src/guest/peer/peer.ts';
import { prepareMemory } from '../../../../src/guest/qemu/prepare-memory.ts';
import { MONITOR_TEXTS } from '../../../../src/guest/rehearsal/scripted-texts.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';

const VIEWS = MONITOR_TEXTS.get('info mtree -f')?.replaceAll('\r\n', '\n') ?? '';
/** Another vCPU, and the first in system management mode, see something else. */
const OTHERS = [
  'FlatView #2',
  ' AS "cpu-memory-1", root: other',
  ' Root memory region: other',
  '  0000000000005000-0000000000005fff (prio 0, ram): pc.ram',
  '',
  'FlatView #3',
  ' AS "cpu-smm-0", root: smm',
  ' Root memory region: smm',
  '  0000000000006000-0000000000006fff (prio 0, ram): pc.ram',
  '',
].join('\n');
const REMOTE: Peer = {
  kind: 'remote',
  process: {
    ...{ pid: 7, uid: 0, memoryProblem: undefined },
    readMaps: () => Promise.reject(new Error('asked')),
    readMemory: () => Promise.reject(new Error('asked')),
  },
};

describe('what the first pause would ask of a guest’s memory', () => {
  /** What is known, by what the monitor was asked. */
  async function prepared(readsHost: boolean, peer: Peer, views: () => Promise<string> | null) {
    const asked: string[] = [];
    const monitor: Monitor = fakeMonitor({
      hmp: async (command) => {
        asked.push(command);
        await new Promise(setImmediate);
        return 'Host virtual address for 0x0 (pc.ram) is 0x7f0000000000\n';
      },
    });
    const known = await prepareMemory({ monitor, peer, firstViews: views }, readsHost);
    return { known, asked };
  }

  it('is where this host has the regions of the map, where many pages are going to be read', async () => {
    const { known, asked } = await prepared(true, REMOTE, () => Promise.resolve(VIEWS + OTHERS));
    expect(asked).to.deep.equal(['gpa2hva 0x0', 'gpa2hva 0xc0000', 'gpa2hva 0x100000', 'gpa2hva 0xfffc0000']);
    const map = known.maps.select(VIEWS + OTHERS, 0, false);
    expect(map.regions.map((region) => known.places.addressOf(region))).to.deep.equal([
      ...[0x7f00_0000_0000, 0x7f00_0000_0000, 0x7f00_0000_0000, undefined, 0x7f00_0000_0000],
    ]);
  });

  it('is the map alone where few are, or where the process is not known', async () => {
    const few = await prepared(false, REMOTE, () => Promise.resolve(VIEWS));
    expect(few.asked).to.deep.equal([]);
    const unknown = await prepared(true, unknownPeer({ code: 'not-connected' }), () => Promise.resolve(VIEWS));
    expect(unknown.asked).to.deep.equal([]);
    const map = unknown.known.maps.select(VIEWS, 0, false);
    expect(map.regions).to.have.length(5);
    expect(map.regions.map((region) => unknown.known.places.addressOf(region))).to.deep.equal(Array(5).fill(undefined));
  });

  it('is nothing where the guest would wait for it, or where it fails: that shows in the pause', async () => {
    for (const views of [() => null, () => Promise.reject(new Error('no answer')), () => Promise.resolve('nonsense')]) {
      const { known, asked } = await prepared(true, REMOTE, views);
      expect(asked).to.deep.equal([]);
      expect(known.maps.select(VIEWS, 0, false).regions).to.have.length(5);
    }
  });
});
