import { expect } from 'chai';
import { translateBoth } from '../../../../../src/cli/commands/translate/translate-both.ts';
import { GuestView, givenSource } from '../../../../../src/guest/index.ts';

const PRESENT = 1n;
const WRITE = 2n;
const ACCESSED = 0x20n;
const DIRTY = 0x40n;
const NO_EXECUTE = 1n << 63n;
/** Where the entries of pages 1 to 4 are. */
const ENTRIES = [0x4008, 0x4010, 0x4018, 0x4020];

/** Pages from 0x1000 on: code, data, one that is both, and one that is neither: read-only, below a table that nothing is fetched through. */
function guest() {
  const memory = new Uint8Array(0x1_0000);
  const tables = new DataView(memory.buffer);
  const set = (address: number, value: bigint): void => tables.setBigUint64(address, value, true);
  set(0x1000, 0x2000n | PRESENT | WRITE);
  set(0x2000, 0x3000n | PRESENT | WRITE);
  set(0x3000, 0x4000n | PRESENT | WRITE);
  set(0x3008, 0x5000n | PRESENT | WRITE | NO_EXECUTE);
  set(0x4008, 0xa000n | PRESENT);
  set(0x4010, 0xb000n | PRESENT | WRITE | NO_EXECUTE);
  set(0x4018, 0xc000n | PRESENT | WRITE);
  set(0x4020, 0xd000n | PRESENT | WRITE);
  set(0x5000, 0xe000n | PRESENT);
  const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n, a20: true };
  const features = { maxPhyAddr: 40, vendor: 'intel', pse36: true, pdpe1gb: true } as const;
  const view = new GuestView(givenSource({ vcpus: [{ registers, features }], memory }));
  const used = (): string[] =>
    [0x1000, 0x2000, 0x3000, ...ENTRIES].map((at) => {
      const entry = tables.getBigUint64(at, true);
      return `${entry & ACCESSED ? 'A' : '-'}${entry & DIRTY ? 'D' : '-'}`;
    });
  return { view, used };
}

const BOTH = { write: true, user: false, exec: true };
const NO_FLAGS = { setAccessed: false, setDirty: false, forceSetAccessed: false };
const ADDRESSES = [0x1010n, 0x2010n, 0x3010n, 0x9000n, 0x20_0010n];

describe('cli/translateBoth', () => {
  it('has for each address the walk that fails first: of a write, or of a fetch', async () => {
    const { view, used } = guest();
    const answers = await translateBoth(view, ADDRESSES, { access: BOTH, flags: NO_FLAGS }, {});
    expect(
      answers.map(({ translation, request, bitsAreSet, wrote }) => {
        const how = translation.kind === 'mapped' ? translation.physicalAddress : translation.cause;
        const { write, exec } = translation.access;
        return { how, write, exec, linear: request.linearAddress, bitsAreSet, wrote };
      }),
    ).to.deep.equal([
      { how: 'privilege-violation', write: true, exec: false, linear: 0x1010n, bitsAreSet: true, wrote: [] },
      { how: 'privilege-violation', write: false, exec: true, linear: 0x2010n, bitsAreSet: true, wrote: [] },
      { how: 0xc010n, write: true, exec: false, linear: 0x3010n, bitsAreSet: true, wrote: [] },
      { how: 'not-present', write: true, exec: false, linear: 0x9000n, bitsAreSet: true, wrote: [] },
      { how: 'privilege-violation', write: false, exec: true, linear: 0x20_0010n, bitsAreSet: true, wrote: [] },
    ]);
    for (const { request } of answers) expect(request).to.deep.include({ access: BOTH, flags: NO_FLAGS });
    expect(used()).to.deep.equal(Array(7).fill('--'));
  });

  it('sets bits of what is allowed, as the access needs them, each once, and says which', async () => {
    const { view, used } = guest();
    const flags = { setAccessed: true, setDirty: true, forceSetAccessed: false };
    const answers = await translateBoth(view, [0x1010n, 0x3010n, 0x4010n], { access: BOTH, flags }, {});
    expect(used()).to.deep.equal(['A-', 'A-', 'A-', '--', '--', 'AD', 'AD']);
    expect(answers.map(({ wrote }) => wrote.map(({ address }) => address))).to.deep.equal([
      [],
      [0x1000n, 0x2000n, 0x3000n, 0x4018n],
      [0x1000n, 0x2000n, 0x3000n, 0x4020n],
    ]);
    expect(answers.map(({ bitsAreSet, request }) => [bitsAreSet, request.flags])).to.deep.equal(
      Array(3).fill([true, flags]),
    );
  });

  it('asks about one access as it is', async () => {
    const { view, used } = guest();
    const access = { write: false, user: false, exec: true };
    const flags = { ...NO_FLAGS, setAccessed: true };
    const [answer, ...others] = await translateBoth(view, [0x1010n], { access, flags }, {});
    expect(others).to.deep.equal([]);
    expect(answer?.request).to.deep.equal({ linearAddress: 0x1010n, access, flags });
    expect(answer?.translation).to.include({ kind: 'mapped', physicalAddress: 0xa010n });
    expect(used()).to.deep.equal(['A-', 'A-', 'A-', 'A-', '--', '--', '--']);
    // Two accesses are two walks; one is one.
    const asked: number[] = [];
    const counting = {
      translate: (requests: readonly object[]) => {
        asked.push(requests.length);
        return view.translate(requests as Parameters<GuestView['translate']>[0], {});
      },
    } as unknown as GuestView;
    await translateBoth(counting, [1n, 2n, 3n], { access, flags: NO_FLAGS }, {});
    await translateBoth(counting, [1n, 2n, 3n], { access: BOTH, flags: NO_FLAGS }, {});
    expect(asked).to.deep.equal([3, 6]);
  });
});
