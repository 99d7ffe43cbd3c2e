import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { bytesOf } from '../../../../scripts/parsers/dump-targets.ts';
import { buildElf, buildKdump, buildLime, flatten } from '../../../../scripts/parsers/dumps/build-dump.ts';
import { smallGuest } from '../../../../scripts/parsers/dumps/small-guest.ts';
import { openImage } from '../../../../src/dump/formats/open-image.ts';
import { DumpError } from '../../../../src/dump/index.ts';

const PAGE = Buffer.alloc(4096);

function changed(file: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(file);
  change(copy);
  return copy;
}

function codeOf(file: Buffer): string {
  try {
    const image = openImage(bytesOf(file));
    for (const { first, last } of image.spans)
      image.readInto(first, new Uint8Array(Math.min(last - first + 1, 65_536)));
    return 'it was opened';
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

const elf = buildElf(smallGuest());
const kdump = buildKdump(smallGuest());
/** Where the descriptors of pages are: behind header, sub-header with notes, and two bitmaps of a block. */
const DESCRIPTORS = 4096 * 5;

describe('recognizing a dump', () => {
  it('opens each format', () => {
    const formats = [elf, kdump, flatten(kdump), buildLime(smallGuest()), PAGE].map(
      (file) => openImage(bytesOf(file)).format,
    );
    expect(formats).to.deep.equal(['ELF core', 'kdump-compressed', 'kdump-compressed', 'LiME', 'raw memory']);
  });

  const OTHERS: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    'a state that libvirt saved': [
      Buffer.concat([Buffer.from('LibvirtQemudSave'), PAGE]),
      /UNSUPPORTED .*--memory-only/,
    ],
    "QEMU's migration stream": [Buffer.concat([Buffer.from('QEVM'), PAGE]), /UNSUPPORTED .*dump-guest-memory/],
    'a Windows dump': [Buffer.concat([Buffer.from('PAGEDU64'), PAGE]), /UNSUPPORTED .*win-dmp/],
    'a compressed file': [Buffer.concat([Buffer.from('1f8b', 'hex'), PAGE]), /UNSUPPORTED .*gzip/],
    'what LiME packs': [deflateSync(buildLime(smallGuest())), /UNSUPPORTED .*LiME dump packed with zlib/],
    'an ELF program': [changed(elf, (copy) => copy.writeUInt16LE(2, 16)), /UNSUPPORTED .*not a core/],
    'a core of another machine': [changed(elf, (copy) => copy.writeUInt16LE(183, 18)), /UNSUPPORTED .*machine 183/],
    'a kdump of another machine': [buildKdump(smallGuest(), { machine: 'aarch64' }), /UNSUPPORTED .*"aarch64"/],
    'LiME of a later version': [
      changed(buildLime(smallGuest()), (copy) => copy.writeUInt32LE(2, 4)),
      /UNSUPPORTED .*version 2/,
    ],
    'a few bytes': [Buffer.from('hello'), /FORMAT .*5 bytes/],
    nothing: [Buffer.alloc(0), /FORMAT .*0 bytes/],
  };
  for (const [name, [file, message]] of Object.entries(OTHERS)) {
    it(`refuses ${name}, and says what it is`, () => expect(codeOf(file)).to.match(message));
  }
});

describe('hostile dumps', () => {
  const HOSTILE: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    'a segment beyond the end': [
      changed(elf, (copy) => copy.writeBigUInt64LE(1n << 40n, 64 + 56 + 8)),
      /FORMAT .*cut off/,
    ],
    'a segment of exabytes': [changed(elf, (copy) => copy.writeBigUInt64LE(1n << 62n, 64 + 56 + 32)), /FORMAT/],
    'a segment where no memory can be': [
      changed(elf, (copy) => copy.writeBigUInt64LE(1n << 60n, 64 + 56 + 24)),
      /FORMAT .*no processor/,
    ],
    'the same memory twice, in two places': [
      changed(elf, (copy) => copy.writeBigUInt64LE(0x1000n, 64 + 2 * 56 + 24)),
      /FORMAT .*0x1000 twice/,
    ],
    'notes of exabytes': [changed(elf, (copy) => copy.writeBigUInt64LE(1n << 62n, 64 + 32)), /FORMAT .*notes/],
    'four billion segments': [
      changed(buildElf(smallGuest(), { emptySegments: 1 }), (copy) =>
        copy.writeUInt32LE(0xffff_ffff, 64 + 4 * 56 + 44),
      ),
      /FORMAT .*4294967295 segments/,
    ],
    'zeros behind the ranges of LiME': [
      Buffer.concat([buildLime(smallGuest()), PAGE]),
      /FORMAT .*no range of LiME begins at byte (\d+): .*\(truncate -s \1\)/,
    ],
    'a bitmap of exabytes': [changed(kdump, (copy) => copy.writeUInt32LE(0xffff_fffe, 424 + 12)), /FORMAT .*bitmap/],
    'more pages than the bitmap has': [
      changed(kdump, (copy) => copy.writeUInt32LE(0xffff_ffff, 424 + 16)),
      /FORMAT .*bitmap/,
    ],
    'a page beyond the end': [
      changed(kdump, (copy) => copy.writeBigUInt64LE(1n << 61n, DESCRIPTORS)),
      /FORMAT .*guest physical 0x0 would be/,
    ],
    'a page packed in gigabytes': [
      changed(kdump, (copy) => copy.writeUInt32LE(1 << 30, DESCRIPTORS + 8)),
      /FORMAT .*packed in/,
    ],
    'a page packed in two ways': [
      changed(kdump, (copy) => copy.writeUInt32LE(3, DESCRIPTORS + 12)),
      /FORMAT .*two ways/,
    ],
    'a page that is a bomb': [
      buildKdump(smallGuest(), {
        pack: () => ({
          bytes: Buffer.from('789cedc10101000000809056ff4f6e4840010000000000000000000000000000', 'hex'),
          flags: 1,
        }),
      }),
      /FORMAT .*cannot be unpacked/,
    ],
    'segments of a stream that overlap': [
      changed(flatten(kdump), (copy) => copy.writeBigUInt64BE(9000n, 4096 + 16 + 10_000)),
      /FORMAT .*overlap/,
    ],
    'a stream without an end': [flatten(kdump).subarray(0, -16), /FORMAT .*no end/],
    'a segment of a stream with exabytes': [
      changed(flatten(kdump), (copy) => copy.writeBigUInt64BE(1n << 62n, 4096 + 8)),
      /FORMAT .*segment/,
    ],
  };
  for (const [name, [file, message]] of Object.entries(HOSTILE)) {
    it(`${name}: a clear end`, () => expect(codeOf(file)).to.match(message));
  }
});
