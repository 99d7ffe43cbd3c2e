import { expect } from 'chai';
import { RootEntries } from '../../../../../src/cli/commands/watch/root-entries.ts';
import type { PagingMode } from '../../../../../src/paging/index.ts';

const TABLE = 0x7000n;

/** @param entries - by index; the table begins in a page that is full of ones else */
function rootOf(mode: PagingMode, entries: Readonly<Record<number, bigint>>, at = 0): RootEntries {
  const bytes = new Uint8Array(4096);
  const [entryBytes, count] = mode === '32-bit' ? [4, 1024] : [8, mode === 'pae' ? 4 : 512];
  if (mode === 'pae') bytes.fill(at === 0 ? 0xff : 0xee);
  bytes.fill(0, at, at + count * entryBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, entry] of Object.entries(entries)) {
    if (entryBytes === 8) view.setBigUint64(at + Number(index) * 8, entry, true);
    else view.setUint32(at + Number(index) * 4, Number(entry), true);
  }
  return new RootEntries({ context: { mode, root: TABLE + BigInt(at) }, tables: [[7, new Int32Array(bytes.buffer)]] });
}

describe('cli/RootEntries', () => {
  const long = { 170: 0x1007n, 255: 0x2007n, 300: 0x3007n, 301: 0x4007n, 302: 0x5007n };
  const before = rootOf('4-level', long);

  it('are of a process that has used its tables, and has more or fewer of them', () => {
    const fewer = { 255: 0x2007n, 300: 0x3007n, 301: 0x4007n };
    for (const now of [{ ...long, 170: 0x1067n }, { ...long, 3: 0x9007n, 400: 0x9007n }, fewer])
      expect(rootOf('4-level', now).isOfProcessOf(before)).to.equal(true);
  });

  it('are not of a process that has ended, nor of another one with the same kernel', () => {
    const kernel = { 300: 0x3007n, 301: 0x4007n, 302: 0x5007n };
    for (const now of [kernel, { ...kernel, 170: 0x6007n, 255: 0x7007n }])
      expect(rootOf('4-level', now).isOfProcessOf(before)).to.equal(false);
  });

  it('are not those of a page that is something else by now, whatever little is left', () => {
    const high = 1n << 40n;
    const now = { 170: 0x1007n, 255: 0x2007n, 300: 0x3007n | high, 301: 0x4007n | high, 302: 0x5007n | high };
    expect(rootOf('4-level', now).isOfProcessOf(before)).to.equal(false);
    expect(rootOf('32-bit', {}).isOfProcessOf(before)).to.equal(false);
  });

  it('have 32 bits in one format, and are four in another, wherever in its page', () => {
    const narrow = rootOf('32-bit', { 1: 0x1067n, 768: 0x2067n, 1023: 0x3067n });
    expect(rootOf('32-bit', { 1: 0x1007n, 768: 0x2007n }).isOfProcessOf(narrow)).to.equal(true);
    expect(rootOf('32-bit', { 1: 0x1007n }).isOfProcessOf(narrow)).to.equal(false);
    expect(rootOf('32-bit', {}).isOfProcessOf(rootOf('32-bit', { 1: 0x1067n }))).to.equal(false);
    const four = rootOf('pae', { 0: 0x1001n, 3: 0x2001n }, 0x20);
    expect(rootOf('pae', { 0: 0x1001n, 3: 0x2001n }).isOfProcessOf(four)).to.equal(true);
    expect(rootOf('pae', { 0: 0x9001n, 3: 0x2001n }, 0x20).isOfProcessOf(four)).to.equal(false);
  });

  it('are kept where just half of them are, and one of the lower half', () => {
    const four = rootOf('4-level', { 1: 0x1007n, 2: 0x2007n, 300: 0x3007n, 301: 0x4007n });
    const is = (now: Readonly<Record<number, bigint>>): boolean => rootOf('4-level', now).isOfProcessOf(four);
    expect(is({ 1: 0x1007n, 300: 0x3007n })).to.equal(true);
    expect(is({ 1: 0x1007n, 2: 0x2007n })).to.equal(true);
    expect(is({ 1: 0x1007n })).to.equal(false);
    expect(is({ 300: 0x3007n, 301: 0x4007n })).to.equal(false);
    // What is not present is none, whatever else is in it.
    const upper = rootOf('4-level', { 1: 0x1006n, 300: 0x3007n });
    expect(rootOf('4-level', { 300: 0x3007n }).isOfProcessOf(upper)).to.equal(true);
    expect(rootOf('4-level', { 1: 0x1006n }).isOfProcessOf(upper)).to.equal(false);
    // The last of the lower half, and the first of the upper one.
    const middle = rootOf('4-level', { 255: 0x1007n, 256: 0x2007n });
    expect(rootOf('4-level', { 255: 0x1007n }).isOfProcessOf(middle)).to.equal(true);
    expect(rootOf('4-level', { 256: 0x2007n }).isOfProcessOf(middle)).to.equal(false);
  });

  it('are those of a process that has none, and of a table that is not there, as little as of any', () => {
    const none = rootOf('4-level', {});
    expect(none.isOfProcessOf(none)).to.equal(true);
    expect(rootOf('4-level', { 1: 0x1007n }).isOfProcessOf(none)).to.equal(true);
    const lost = new RootEntries({ context: { mode: '4-level', root: TABLE }, tables: [] });
    expect(lost.isOfProcessOf(rootOf('4-level', { 1: 0x1007n }))).to.equal(false);
    expect(lost.isOfProcessOf(lost)).to.equal(true);
  });

  it('may differ in A and D alone, in each half of an entry', () => {
    const one = rootOf('4-level', { 1: 0x1007n | (1n << 63n) });
    expect(rootOf('4-level', { 1: 0x1067n | (1n << 63n) }).isOfProcessOf(one)).to.equal(true);
    for (const changed of [0x1007n, 0x1005n | (1n << 63n), 0x1087n | (1n << 63n), 0x1017n | (1n << 63n)])
      expect(rootOf('4-level', { 1: changed }).isOfProcessOf(one), String(changed)).to.equal(false);
  });
});
