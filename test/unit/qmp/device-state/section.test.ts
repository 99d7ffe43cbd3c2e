import { expect } from 'chai';
import { hasSectionFooters, isSectionEnd, isSectionHeader } from '../../../../protocols/qmp/device-state/section.ts';

/** `04`, id 7, a name, instance 0, version 1. */
function header(name: string, lengthBytes = name.length): Buffer {
  return Buffer.concat([
    Buffer.of(4, 0, 0, 0, 7, lengthBytes),
    Buffer.from(name, 'latin1'),
    Buffer.of(0, 0, 0, 0, 0, 0, 0, 1),
  ]);
}

describe('sections of a device state', () => {
  it('begin with a name of printable characters', () => {
    for (const name of ['cpu', '!', '~', '0000:00:02.0/vga', 'x'.repeat(255)]) {
      expect(isSectionHeader(header(name), 0), name).to.equal(true);
    }
    for (const name of ['', ' ', '\x7f', 'c u', 'cpu\x80', '\0cpu']) {
      expect(isSectionHeader(header(name), 0), JSON.stringify(name)).to.equal(false);
    }
  });

  it('begin nowhere else, and not where a name is cut', () => {
    const bytes = header('cpu');
    for (let at = -6; at < bytes.length + 6; at += 1) {
      expect(isSectionHeader(bytes, at), String(at)).to.equal(at === 0);
    }
    expect(isSectionHeader(Buffer.concat([Buffer.of(4), bytes]), 1)).to.equal(true);
    expect(isSectionHeader(bytes.subarray(0, 8), 0)).to.equal(false);
    expect(isSectionHeader(bytes.subarray(0, 9), 0)).to.equal(true);
    expect(isSectionHeader(Buffer.concat([Buffer.of(5), bytes.subarray(1)]), 0)).to.equal(false);
  });

  it('end with a footer of their own id, in a file that has footers', () => {
    const bytes = Buffer.of(0x7e, 0, 0, 1, 7, 0);
    expect(hasSectionFooters(bytes)).to.equal(true);
    expect(hasSectionFooters(Buffer.of(0x7f, 0, 0, 1, 7, 0))).to.equal(false);
    expect(hasSectionFooters(Buffer.of(0x7e, 0, 0, 1, 7, 1))).to.equal(false);
    const end = { bytes, sectionId: 0x107, hasFooters: true };
    expect(isSectionEnd(end, 0)).to.equal(true);
    expect(isSectionEnd({ ...end, sectionId: 7 }, 0)).to.equal(false);
    // In memory of their own, behind which there is nothing.
    expect(isSectionEnd({ ...end, bytes: Uint8Array.from(bytes.subarray(0, 5)) }, 0)).to.equal(true);
    expect(isSectionEnd({ ...end, bytes: Uint8Array.from(bytes.subarray(0, 4)) }, 0)).to.equal(false);
  });

  it('end where the next begins, in a file without', () => {
    const end = { bytes: header('kvm-tpr-opt'), sectionId: 6, hasFooters: false };
    expect(isSectionEnd(end, 0)).to.equal(true);
    for (const sectionId of [5, 7, 8])
      expect(isSectionEnd({ ...end, sectionId }, 0), String(sectionId)).to.equal(false);
    expect(isSectionEnd({ ...end, bytes: header(' ') }, 0)).to.equal(false);
  });
});
