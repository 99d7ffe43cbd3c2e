import { expect } from 'chai';
import { encodePacket, PacketDecoder } from '../../../../protocols/gdb/index.ts';
import { everyCut } from '../../../support/random/chunks.ts';
import { Random } from '../../../support/random/random.ts';

const LATIN1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** Everything that a decoder reports, as short texts; garbage that comes in pieces is one. */
function decode(pieces: readonly Uint8Array[], maxPacketBytes?: number): string[] {
  const events: string[] = [];
  let inGarbage = false;
  const note = (text: string) => {
    events.push(text);
    inGarbage = false;
  };
  const sink = {
    onPacket: (payload: Uint8Array) => note(`packet ${LATIN1(payload)}`),
    onAck: () => note('ack'),
    onNak: () => note('nak'),
    onDefect: (defect: string, wire: Uint8Array) => note(`${defect} ${LATIN1(wire)}`),
    onGarbage: (bytes: Uint8Array) => {
      const text = inGarbage ? `${events.pop()}${LATIN1(bytes)}` : `garbage ${LATIN1(bytes)}`;
      note(text);
      inGarbage = true;
    },
  };
  const decoder = new PacketDecoder(sink, maxPacketBytes);
  // A copy that is overwritten afterwards, as a socket's buffer may be.
  for (const piece of pieces) {
    const copy = Uint8Array.from(piece);
    decoder.push(copy);
    copy.fill(0x24);
  }
  return events;
}

function decodesTo(name: string, wire: string, events: readonly string[]): void {
  it(name, () => {
    for (const cut of everyCut(Buffer.from(wire, 'latin1'))) expect(decode(cut.pieces), cut.name).to.deep.equal(events);
  });
}

describe('PacketDecoder', () => {
  decodesTo('finds a reply behind its ack', '+$OK#9a', ['ack', 'packet OK']);
  decodesTo('finds the empty packet', '$#00', ['packet ']);
  decodesTo('takes checksum digits of either case', '$\x6f\x5f#cE', ['packet \x6f\x5f']);
  decodesTo('keeps the order of acks, naks and packets', '-+$QC01#f5+$00000000#80-+$QC01#f5', [
    'nak',
    'ack',
    'packet QC01',
    'ack',
    'packet 00000000',
    'nak',
    'ack',
    'packet QC01',
  ]);
  decodesTo('finds a stop reply between replies', '+$00#60$T02thread:01;#04+$01#61', [
    'ack',
    'packet 00',
    'packet T02thread:01;',
    'ack',
    'packet 01',
  ]);
  decodesTo('expands run-lengths', '$0* #7a', ['packet 0000']);
  decodesTo('expands the longest run-length', '$a*~#09', [`packet ${'a'.repeat(98)}`]);
  decodesTo('expands two run-lengths in one packet', `$0* 1*!#${sum('0* 1*!')}`, ['packet 000011111']);
  decodesTo('removes escapes', encodePacket('l<a>}#$*</a>'), ['packet l<a>}#$*</a>']);
  decodesTo('does not take an escaped star for a run-length', `$a}\x0a!#${sum('a}\x0a!')}`, ['packet a*!']);
  decodesTo('refuses a run-length of nothing', `$* #${sum('* ')}`, [`run-length $* #${sum('* ')}`]);
  decodesTo('refuses a run-length without a count', `$0*#${sum('0*')}`, [`run-length $0*#${sum('0*')}`]);
  decodesTo('refuses an escape of nothing', `$a}#${sum('a}')}`, [`escape $a}#${sum('a}')}`]);
  decodesTo('reports a wrong checksum and goes on', '$OK#9b$OK#9a', ['checksum $OK#9b', 'packet OK']);
  decodesTo('reports a checksum that is no number', '$OK#zz$OK#9a', ['checksum $OK#zz', 'packet OK']);
  decodesTo('reports a packet that another one cuts short', '$O$OK#9a', ['cut-short $O', 'packet OK']);
  decodesTo('reports what belongs to no packet', 'HTTP/1.1 400\r\n$OK#9a', ['garbage HTTP/1.1 400\r\n', 'packet OK']);
  decodesTo('waits for the rest', '+$OK#9', ['ack']);
  decodesTo('takes packets of the size that QEMU sends', `+${encodePacket('5a'.repeat(2048), 5000)}`.repeat(3), [
    ...['ack', `packet ${'5a'.repeat(2048)}`],
    ...['ack', `packet ${'5a'.repeat(2048)}`],
    ...['ack', `packet ${'5a'.repeat(2048)}`],
  ]);

  it('undoes what the encoder does, for any payload', () => {
    const seed = Date.now();
    const random = new Random(seed);
    for (let round = 0; round < 200; round++) {
      const payload = String.fromCharCode(...Array.from({ length: random.below(50) }, () => random.below(256)));
      const wire = Buffer.from(encodePacket(payload), 'latin1');
      expect(decode([wire]), `seed ${seed}, round ${round}`).to.deep.equal([`packet ${payload}`]);
    }
  });

  it('is not moved by any bytes whatever, however they are cut', () => {
    const seed = Date.now();
    const random = new Random(seed);
    const alphabet = '$#+-*}0aZ\0\xff~ 9e';
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: 200 }, () => random.pick([...alphabet])).join('');
      const [whole, ...others] = everyCut(Buffer.from(text, 'latin1'));
      const expected = decode(whole?.pieces ?? []);
      for (const cut of others) expect(decode(cut.pieces), `seed ${seed}, ${cut.name}`).to.deep.equal(expected);
    }
  });

  it('keeps no more of an endless packet than its limit', () => {
    const pieces = Array.from({ length: 1000 }, () => Buffer.from('x'.repeat(100)));
    const events = decode([Buffer.from('$'), ...pieces], 1000);
    expect(events[0]).to.match(/^too-long \$x{1000}/);
    expect(events[0]?.length).to.be.below(1200);
    expect(events[1]).to.match(/^garbage x+$/);
    expect(events).to.have.length(2);
  });

  it('drops a packet that is too long as soon as that is seen, however it comes', () => {
    const long = `$${'x'.repeat(1000)}`;
    expect(decode([Buffer.from(long)], 1000)).to.deep.equal([`too-long ${long}`]);
    expect(decode([Buffer.from('$'), Buffer.from(long.slice(1))], 1000)).to.deep.equal([`too-long ${long}`]);
  });

  it('refuses a complete packet above its limit', () => {
    expect(decode([Buffer.from(encodePacket('x'.repeat(100)))], 50)[0]).to.match(/^too-long/);
    expect(decode([Buffer.from(encodePacket('x'.repeat(46)))], 50)).to.deep.equal([`packet ${'x'.repeat(46)}`]);
    expect(decode([Buffer.from(encodePacket('x'.repeat(47)))], 50)[0]).to.match(/^too-long/);
  });

  it('takes a packet of 64 KiB unless told otherwise', () => {
    const payload = 'x'.repeat(65_536 - 4);
    expect(decode([Buffer.from(encodePacket(payload, 65_536))])).to.deep.equal([`packet ${payload}`]);
    expect(decode([Buffer.from(encodePacket(`${payload}x`, 65_536))])[0]).to.match(/^too-long/);
  });

  it('knows no run-length that cannot be printed', () => {
    for (const [body, event] of [
      ['0* ', 'packet 0000'],
      ['0*~', `packet ${'0'.repeat(98)}`],
      ['0*\x7f', 'run-length $0*\x7f#d9'],
      ['0*\x1f', 'run-length $0*\x1f#79'],
    ] as const) {
      expect(decode([Buffer.from(`$${body}#${sum(body)}`)])).to.deep.equal([event]);
    }
  });

  it('expands no run-length beyond its limit', () => {
    const bomb = `0${'*~'.repeat(100)}`;
    expect(decode([Buffer.from(`$${bomb}#${sum(bomb)}`)], 1000)[0]).to.match(/^too-long/);
    // 1 + 10 * 97 + 29, and one more.
    const full = `0${'*~'.repeat(10)}*`;
    expect(decode([Buffer.from(`$${full}:#${sum(`${full}:`)}`)], 1000)).to.deep.equal([`packet ${'0'.repeat(1000)}`]);
    expect(decode([Buffer.from(`$${full};#${sum(`${full};`)}`)], 1000)[0]).to.match(/^too-long/);
  });
});

function sum(body: string): string {
  return ([...body].reduce((total, character) => total + character.charCodeAt(0), 0) & 0xff)
    .toString(16)
    .padStart(2, '0');
}
