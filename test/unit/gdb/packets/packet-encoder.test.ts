import { expect } from 'chai';
import { encodePacket, GdbPacketTooLongError, MAX_REQUEST_CHARS } from '../../../../protocols/gdb/index.ts';

describe('encodePacket', () => {
  it('sums the payload', () => {
    expect(encodePacket('m1000,4')).to.equal('$m1000,4#8e');
    expect(encodePacket('qC')).to.equal('$qC#b4');
    expect(encodePacket('')).to.equal('$#00');
  });

  it('writes a checksum below 0x10 with two digits', () => {
    expect(encodePacket('\x03')).to.equal('$\x03#03');
  });

  it('escapes the characters of the framing, and sums them as they travel', () => {
    expect(encodePacket('a#b')).to.equal(`$a}\x03b#${((0x61 + 0x7d + 0x03 + 0x62) & 0xff).toString(16)}`);
    expect(encodePacket('$}*').startsWith('$}\x04}\x5d}\x0a#')).to.equal(true);
  });

  it('takes 4095 characters and refuses 4096, which QEMU would drop without a word', () => {
    expect(encodePacket('m'.repeat(4095))).to.have.length(4099);
    const refused = catchError(() => encodePacket('m'.repeat(4096)));
    expect(refused).to.be.instanceOf(GdbPacketTooLongError);
    expect(refused).to.include({ code: 'ERR_GDB_PACKET_TOO_LONG', lengthChars: 4096, limitChars: MAX_REQUEST_CHARS });
  });

  it('counts an escaped character as two', () => {
    expect(() => encodePacket('#'.repeat(2048))).to.throw(GdbPacketTooLongError);
    expect(encodePacket('#'.repeat(2047))).to.have.length(4094 + 4);
  });
});

function catchError(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}
