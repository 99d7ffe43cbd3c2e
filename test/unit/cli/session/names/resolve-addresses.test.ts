import { expect } from 'chai';
import { UsageError } from '../../../../../src/cli/errors.ts';
import type { WrittenAddress } from '../../../../../src/cli/options/written-address.ts';
import {
  asUsage,
  resolveAddress,
  resolvePhysical,
  resolveRange,
} from '../../../../../src/cli/session/names/resolve-addresses.ts';
import type { GuestTranslation, TranslateScope, VcpuState } from '../../../../../src/guest/index.ts';
import { GuestView, givenSource } from '../../../../../src/guest/index.ts';
import { type Linux, LinuxLookupError } from '../../../../../src/linux/index.ts';
import { expectRejection } from '../../../../support/expect-rejection.ts';
import { vcpuStateWith } from '../../../../support/fakes/sourced-state.ts';

const LAST = 0xffff_ffff_ffff_ffffn;
const sourced = (value: bigint) => ({ value, from: 'gdb-stub', detail: 'a register' }) as const;
const POSITION = {
  ...{ rip: sourced(0x10n), rsp: sourced(0x20n), cr2: sourced(0x30n), csBase: sourced(0xff00n) },
} as unknown as NonNullable<VcpuState['position']>;

/** A view that says what it was asked. */
function viewWith(position?: VcpuState['position'], answer?: Partial<GuestTranslation>) {
  const asked: unknown[] = [];
  const view = {
    vcpuState: async (cpu: number) => {
      asked.push(cpu);
      return { ...vcpuStateWith({ cpu }), ...(position && { position }) };
    },
    translate: async (questions: unknown, scope: TranslateScope) => {
      asked.push(questions, scope);
      return answer === undefined ? [] : [answer];
    },
  } as unknown as GuestView;
  return { view, asked };
}

const LINUX = {
  findSymbol: async ({ name }: { readonly name: string }) => {
    if (name !== 'do_exit') throw new LinuxLookupError(name, `no symbol is called ${name}`);
    return { name, type: 'T', address: 0x8000n, module: null };
  },
  directMapOf: async (physical: bigint) => 0x1_0000n + physical,
  physicalOf: async (address: bigint) => (address === 0x8000n ? 0x55 : null),
  nearest: async (address: bigint) => (address === 0x8004n ? { sizeBytes: 0x20, offsetBytes: 4 } : null),
} as unknown as Linux;

const symbol = (name: string, offset = 0n): WrittenAddress => ({
  ...{ kind: 'symbol', text: name, symbol: { name, module: undefined, sizeBytes: undefined }, offset },
});
const register = (name: 'rip' | 'rsp' | 'cr2' | 'cs:ip', offset = 0n): WrittenAddress => ({
  ...{ kind: 'register', text: name, register: name, offset },
});
const number = (value: bigint): WrittenAddress => ({ kind: 'number', value });

describe('cli/resolveAddress', () => {
  const { view, asked } = viewWith(POSITION);
  const resolve = (address: WrittenAddress, linux: Linux | null = LINUX) =>
    resolveAddress(address, { view, linux }, 3, 'translate');

  it('has numbers as they are, without asking', async () => {
    expect(await resolve(number(0x10n), null)).to.equal(0x10n);
    expect(asked).to.deep.equal([]);
  });

  it('asks the vCPU for registers, and stays within 64 bits', async () => {
    expect(await resolve(register('rip'), null)).to.equal(0x10n);
    expect(await resolve(register('rsp', 5n), null)).to.equal(0x25n);
    expect(await resolve(register('cr2'), null)).to.equal(0x30n);
    expect(await resolve(register('cs:ip'), null)).to.equal(0xff10n);
    expect(await resolve(register('rip', LAST), null)).to.equal(0xfn);
    expect(new Set(asked)).to.deep.equal(new Set([3]));
  });

  it('asks the Linux for symbols and physical memory', async () => {
    expect(await resolve(symbol('do_exit', 4n))).to.equal(0x8004n);
    expect(await resolve(symbol('do_exit', LAST))).to.equal(0x7fffn);
    expect(await resolve({ kind: 'physical', text: 'phys:9', value: 9n })).to.equal(0x1_0009n);
  });

  it('refuses what there is not', async () => {
    const refused = await expectRejection(resolve(symbol('nothing')));
    expect(refused)
      .to.be.instanceOf(UsageError)
      .and.include({
        ...{ message: 'no symbol is called nothing', command: 'translate' },
      });
    expect(refused.cause).to.be.instanceOf(LinuxLookupError);
    expect(await expectRejection(resolve(symbol('do_exit'), null))).to.be.instanceOf(RangeError);
    const none = { view: viewWith().view, linux: null };
    for (const name of ['rip', 'cs:ip'] as const) {
      const unavailable = await expectRejection(resolveAddress(register(name), none, 3, 'map'));
      expect(unavailable)
        .to.be.instanceOf(UsageError)
        .and.include({
          message: `${name} of vCPU 3 is unavailable where this guest comes from`,
          command: 'map',
        });
    }
  });

  it('passes other failures on as they are', async () => {
    const failure = new Error('gone');
    expect(await expectRejection(asUsage('map', () => Promise.reject(failure)))).to.equal(failure);
  });
});

describe('cli/resolvePhysical', () => {
  const scope = { cpu: 2, cr3: 0x7000n };
  const mapped = { translation: { kind: 'mapped', physicalAddress: 0x77n }, nested: null };

  async function resolve(wanted: WrittenAddress, answer?: object, linux: Linux | null = LINUX) {
    const { view, asked } = viewWith(POSITION, answer as Partial<GuestTranslation>);
    const found = await resolvePhysical(wanted, { view, linux }, scope, 'find');
    return { found, asked };
  }

  it('has a range as it is', async () => {
    const range = { first: 1n, last: 2n };
    expect(await resolvePhysical(range, { view: viewWith().view, linux: null }, {}, 'find')).to.equal(range);
  });

  it("has a symbol by the kernel's tables", async () => {
    const { found, asked } = await resolve(symbol('do_exit'));
    expect({ found, asked }).to.deep.equal({ found: { first: 0x55n, last: 0x55n }, asked: [] });
    const refused = await expectRejection(resolve(symbol('do_exit', 4n)));
    expect(refused)
      .to.be.instanceOf(UsageError)
      .and.include({
        ...{ message: '0x8004 is mapped nowhere, so there is no physical address to look for', command: 'find' },
      });
  });

  it('has what else is linear by a read in the scope', async () => {
    const { found, asked } = await resolve(register('rip'), mapped);
    expect(found).to.deep.equal({ first: 0x77n, last: 0x77n });
    const access = { write: false, user: false, exec: false };
    expect(asked).to.deep.equal([2, [{ linearAddress: 0x10n, access }], scope]);
    expect((await resolve({ kind: 'physical', text: 'phys:9', value: 9n }, mapped)).asked[0]).to.deep.equal([
      { linearAddress: 0x1_0009n, access },
    ]);
  });

  it('has of a nested guest where its memory is for its host', async () => {
    const nested = { translation: { kind: 'mapped', physicalAddress: 1n, l1PhysicalAddress: 0x99n } };
    expect((await resolve(register('rip'), { ...mapped, nested })).found).to.deep.equal({ first: 0x99n, last: 0x99n });
    const fault = { ...mapped, nested: { translation: { kind: 'fault' } } };
    expect(await expectRejection(resolve(register('rip'), fault))).to.be.instanceOf(UsageError);
  });

  it('refuses what leads nowhere', async () => {
    for (const answer of [undefined, { translation: { kind: 'fault', physicalAddress: 5n }, nested: null }]) {
      expect(await expectRejection(resolve(register('rip'), answer))).to.be.instanceOf(UsageError);
    }
  });

  it('is about vCPU 0 where the scope names none', async () => {
    const { view, asked } = viewWith(POSITION, mapped as unknown as Partial<GuestTranslation>);
    await resolvePhysical(register('rip'), { view, linux: null }, {}, 'find');
    expect(asked[0]).to.equal(0);
  });
});

describe('cli/resolveRange', () => {
  const { view } = viewWith(POSITION);
  const resolve = (range: Parameters<typeof resolveRange>[0], linux: Linux | null = LINUX) =>
    resolveRange(range, { view, linux }, 0, 'map');

  it('has numbers as they are, and nothing for everything', async () => {
    expect(await resolve(null, null)).to.deep.equal({});
    expect(await resolve({ kind: 'numbers', first: 1n, last: 2n }, null)).to.deep.equal({ first: 1n, last: 2n });
  });

  it('has a size from what is written first, and both ends of two', async () => {
    const first = symbol('do_exit');
    expect(await resolve({ kind: 'size', text: 'x', first, sizeBytes: 0x10n })).to.deep.equal({
      ...{ first: 0x8000n, last: 0x800fn },
    });
    expect(await resolve({ kind: 'ends', text: 'x', first: register('rip'), last: first })).to.deep.equal({
      ...{ first: 0x10n, last: 0x8000n },
    });
  });

  it('has the rest of a symbol, and one byte of what is in none', async () => {
    expect(await resolve({ kind: 'symbol', text: 'x', first: symbol('do_exit', 4n) })).to.deep.equal({
      ...{ first: 0x8004n, last: 0x801fn },
    });
    expect(await resolve({ kind: 'symbol', text: 'x', first: symbol('do_exit') })).to.deep.equal({
      ...{ first: 0x8000n, last: 0x8000n },
    });
    expect(await resolve({ kind: 'symbol', text: 'x', first: register('rip') }, null)).to.deep.equal({
      ...{ first: 0x10n, last: 0x10n },
    });
  });

  it('refuses what ends before it begins, and what is no address', async () => {
    for (const [range, problem] of [
      [{ kind: 'size', text: 'a+0', first: symbol('do_exit'), sizeBytes: 0n }, '"a+0" ends before it begins'],
      [{ kind: 'ends', text: 'a-b', first: symbol('do_exit'), last: number(1n) }, '"a-b" ends before it begins'],
      [{ kind: 'size', text: 'a+b', first: symbol('do_exit'), sizeBytes: LAST }, '"a+b" does not fit 64 bits'],
    ] as const) {
      const refused = await expectRejection(resolve(range));
      expect(refused)
        .to.be.instanceOf(UsageError)
        .and.include({ message: `--range ${problem}`, command: 'map' });
    }
  });
});

describe('what a given guest is unable to tell', () => {
  it('is told as such', async () => {
    const source = givenSource({
      vcpus: [{ registers: { cr0: 0x11n, cr3: 0n, cr4: 0n, efer: 0n } }],
      memory: new Uint8Array(4096),
    });
    const looked = { view: new GuestView(source), linux: null };
    expect((await expectRejection(resolveAddress(register('rsp'), looked, 0, 'map'))).message).to.equal(
      'rsp of vCPU 0 is unavailable where this guest comes from',
    );
  });
});
