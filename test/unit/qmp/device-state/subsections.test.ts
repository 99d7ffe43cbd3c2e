import { expect } from 'chai';
import { isSubsection, readSubsections } from '../../../../protocols/qmp/device-state/subsections.ts';
import { DeviceStateError } from '../../../../protocols/qmp/index.ts';

const bytes = (head: readonly number[], name: string): Buffer => Buffer.concat([Buffer.of(...head), Buffer.from(name)]);
const subsection = (name: string, data: Uint8Array, version = 1): Buffer =>
  Buffer.concat([bytes([5, name.length], name), Buffer.of(0, 0, 0, version), data]);
/** Read from the beginning to the end of these, behind which there is a footer. */
const read = (all: Buffer, target: 'x86_64' | 'i386' = 'x86_64') =>
  readSubsections(Buffer.concat([all, Buffer.of(0x7e)]), 0, target, (at) => at === all.length);

describe('subsections of a vCPU', () => {
  it('begin with a mark and a name below cpu/', () => {
    expect(isSubsection(bytes([5, 5], 'cpu/x'), 0)).to.equal(true);
    expect(isSubsection(bytes([0, 5, 5], 'cpu/x'), 1)).to.equal(true);
    for (const [head, name] of [
      [[4, 5], 'cpu/x'],
      [[5, 4], 'cpu/'],
      [[5, 5], 'cpv/x'],
      [[5, 5], 'xpu/x'],
      [[5, 5], 'cpu'],
      [[5], ''],
    ] as const) {
      expect(isSubsection(bytes(head, name), 0), `${head} ${name}`).to.equal(false);
    }
  });

  it('have the wide registers of their target', () => {
    for (const [target, sizeBytes] of [
      ['x86_64', 64 + 16 * 32 + 16 * 64],
      ['i386', 64 + 8 * 32],
    ] as const) {
      const all = Buffer.concat([subsection('cpu/avx512', Buffer.alloc(sizeBytes, 5)), subsection('cpu/pkru', u32(9))]);
      expect([...read(all, target).values()].map(({ data }) => data.length)).to.deep.equal([sizeBytes, 4]);
    }
  });

  it('are 128 at most', () => {
    const many = (count: number) =>
      Buffer.concat(Array.from({ length: count }, (_, at) => subsection(`cpu/${at}`, Buffer.alloc(1))));
    expect(read(many(128)).size).to.equal(128);
    expect(() => read(many(129))).to.throw(DeviceStateError, '"cpu/128" is one too many');
  });

  it('have 128 KiB at most', () => {
    const long = (sizeBytes: number) => subsection('cpu/x', Buffer.alloc(sizeBytes - 11));
    expect(read(long(2 ** 17 - 1)).get('cpu/x')?.data).to.have.lengthOf(2 ** 17 - 12);
    expect(() => read(long(2 ** 17))).to.throw(DeviceStateError, 'no end within 131072 bytes');
    const behind = (sizeBytes: number) => Buffer.concat([long(sizeBytes), subsection('cpu/pkru', u32(9))]);
    expect(read(behind(2 ** 17 - 1)).size).to.equal(2);
    expect(() => read(behind(2 ** 17))).to.throw(DeviceStateError, 'no end within 131072 bytes');
    const known = Buffer.concat([
      ...Array.from({ length: 31 }, (_, at) => subsection(`cpu/${at}`, Buffer.alloc(4000))),
      subsection('cpu/kvm_nested_state/vmx/vmcs12', Buffer.alloc(4096)),
      subsection('cpu/kvm_nested_state/vmx/shadow_vmcs12', Buffer.alloc(4096)),
    ]);
    const last = subsection('cpu/pkru', u32(9));
    expect(known.length).to.be.above(2 ** 17);
    expect(() => read(Buffer.concat([known, last]))).to.throw(DeviceStateError, 'more than 131072 bytes');
    expect(read(known).size).to.equal(33);
  });
});

function u32(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(value);
  return data;
}
