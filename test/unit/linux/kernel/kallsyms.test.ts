import { expect } from 'chai';
import { Effort } from '../../../../src/linux/effort.ts';
import { LinuxDataError } from '../../../../src/linux/errors.ts';
import { findKallsyms } from '../../../../src/linux/kernel/kallsyms.ts';
import { unpackNames } from '../../../../src/linux/kernel/kallsyms-names.ts';
import type { KernelImage } from '../../../../src/linux/kernel/kernel-image.ts';
import { type BuiltSymbol, buildKallsyms, type KallsymsShape } from '../../../support/linux/build-kallsyms.ts';
import { Random } from '../../../support/random/random.ts';

const WIDE = { text: 0xffff_ffff_9a00_0000n, data: 0xffff_ffff_9b00_0000n };
const NARROW = { text: 0xc100_0000n, data: 0xc1a0_0000n };
const COUNT = 6000;

function symbolsFor({ wordBytes, form }: KallsymsShape, random: Random): BuiltSymbol[] {
  const { text } = wordBytes === 8 ? WIDE : NARROW;
  const perCpu = form === 'base-and-per-cpu' ? 40 : 0;
  const symbols: BuiltSymbol[] = [];
  for (let index = 0; index < perCpu; index += 1) {
    symbols.push({ name: `cpu_${index}`, type: 'A', address: BigInt(index * 64), perCpu: true });
  }
  let address = text;
  symbols.push({ name: '_stext', type: 'T', address }, { name: '_text', type: 'T', address });
  for (let index = 0; index < COUNT; index += 1) {
    address += BigInt(random.below(200));
    const name = `${index % 3 ? '__x64_sys_' : ''}f${index}${index % 500 ? '' : `_${'x'.repeat(300)}`}`;
    symbols.push({ name, type: index % 2 ? 't' : 'D', address });
  }
  return symbols;
}

function imageOf(bytes: Uint8Array, wordBytes: 4 | 8): KernelImage {
  const { text, data } = wordBytes === 8 ? WIDE : NARROW;
  return {
    textFirst: text,
    wordBytes,
    readOnly: [{ address: data, bytes }],
    isTextStart: (address) => address === text,
  };
}

const SHAPES: readonly KallsymsShape[] = [
  { form: 'base-and-per-cpu', order: 'addresses-first', wordBytes: 8 },
  { form: 'base-and-per-cpu', order: 'addresses-first', wordBytes: 8, hasSequences: true },
  { form: 'base-and-per-cpu', order: 'names-first', wordBytes: 8 },
  { form: 'base', order: 'names-first', wordBytes: 8 },
  { form: 'base', order: 'addresses-first', wordBytes: 4 },
  { form: 'place', order: 'names-first', wordBytes: 8 },
  { form: 'place', order: 'names-first', wordBytes: 4 },
];

describe('linux/findKallsyms', () => {
  for (const shape of SHAPES) {
    const { form, order, wordBytes, hasSequences } = shape;
    it(`reads a ${8 * wordBytes}-bit table, ${order}, form ${form}${hasSequences ? ', with sequences' : ''}`, () => {
      const symbols = symbolsFor(shape, new Random(7));
      const bytes = buildKallsyms(symbols, wordBytes === 8 ? WIDE.data : NARROW.data, shape);
      const found = findKallsyms(imageOf(bytes, wordBytes));
      expect(found).to.include({ form, order });
      const read = [...(found?.symbols ?? [])].map(({ name, type, address }) => `${name} ${type} ${address}`);
      expect(read).to.deep.equal(symbols.map(({ name, type, address }) => `${name} ${type} ${address}`));
    });
  }

  it('finds nothing in bytes without tables', () => {
    const random = new Random(3);
    const bytes = Uint8Array.from({ length: 100_000 }, () => random.below(256));
    expect(findKallsyms(imageOf(bytes, 8))).to.equal(null);
  });

  it('refuses a table whose addresses do not lead to the text', () => {
    const shape = SHAPES[0] as KallsymsShape;
    const bytes = buildKallsyms(symbolsFor(shape, new Random(7)), WIDE.data, shape);
    const image = { ...imageOf(bytes, 8), isTextStart: () => false };
    expect(() => findKallsyms(image)).to.throw(LinuxDataError, /no addresses by which _stext/);
  });

  it('ends whatever single bytes of a table are changed', function () {
    this.timeout(20_000);
    const shape = SHAPES[2] as KallsymsShape;
    const symbols = symbolsFor(shape, new Random(7));
    const good = buildKallsyms(symbols, WIDE.data, shape);
    const random = new Random(11);
    for (let round = 0; round < 60; round += 1) {
      const bytes = good.slice();
      for (let change = 0; change < 3; change += 1) bytes[random.below(bytes.length)] = random.below(256);
      try {
        findKallsyms(imageOf(bytes, 8));
      } catch (error) {
        expect(error).to.be.instanceOf(LinuxDataError);
      }
    }
  });

  it('does not unpack names that come to more than any memory holds', () => {
    // Two bytes are a name here: a length, and a token of a thousand characters.
    const count = 1_000_000;
    const token = 1000;
    const bytes = new Uint8Array(token + 2 * count).fill(0x61, 0, token).fill(1, token);
    const tokens = {
      ...{ start: 0, end: token },
      tokenStarts: new Uint32Array(256),
      tokenEnds: new Uint32Array(256).fill(token),
    };
    const packed = { count, countAt: 0, start: token };
    const unpack = () => unpackNames(bytes, tokens, packed, new Effort('names', 60_000_000), (text) => new Error(text));
    expect(unpack).to.throw(LinuxDataError, 'more work than any kernel needs');
  });

  it('is not held up by zeros and digits that never become a table', function () {
    // Looked at again for each digit, it would take hours.
    this.timeout(300_000);
    const digits = [...Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00', 'latin1')];
    const bytes = new Uint8Array(2 << 20);
    for (let at = 0; at + digits.length < bytes.length; at += digits.length) bytes.set(digits, at);
    try {
      findKallsyms(imageOf(bytes, 8));
    } catch (error) {
      expect(error).to.be.instanceOf(LinuxDataError);
    }
  });
});
