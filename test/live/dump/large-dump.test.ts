import { execFile } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { buildElf, type DumpParts } from '../../../scripts/parsers/dumps/build-dump.ts';
import { smallGuest } from '../../../scripts/parsers/dumps/small-guest.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const GIB = 2 ** 30;
const SIZE = 16 * GIB;
const PAGE_BYTES = 4096;
const MOST_BYTES = 150 * 2 ** 20;
const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

/**
 * A core of 16 GiB with holes, whose tables map all of it in pages of 4 KiB: they lie a megabyte apart, and every other one maps
 * pages that are read-only.
 */
function writeLargeDump(file: string): void {
  const [vcpu] = smallGuest({ idt: 0n, rip: 0n }).vcpus;
  const parts: DumpParts = {
    memory: [{ address: 0, bytes: Buffer.alloc(0) }],
    vcpus: vcpu === undefined ? [] : [vcpu],
  };
  const head = buildElf(parts);
  // The size of its only segment.
  head.writeBigUInt64LE(BigInt(SIZE), 64 + 56 + 32);
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, head, 0, head.length, 0);
  ftruncateSync(descriptor, head.length + SIZE);
  const put = (address: number, entries: readonly bigint[]): void => {
    const table = Buffer.alloc(PAGE_BYTES);
    entries.forEach((entry, at) => {
      table.writeBigUInt64LE(entry, 8 * at);
    });
    writeSync(descriptor, table, 0, PAGE_BYTES, head.length + address);
  };
  const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, at) => make(at));
  const directory = (at: number): number => 0x10_0000 + at * PAGE_BYTES;
  const table = (at: number): number => 0x20_0000 + at * 2 ** 20;
  put(0x1000, [0x2067n]);
  put(
    0x2000,
    times(16, (at) => BigInt(directory(at)) | 0x67n),
  );
  for (let at = 0; at < 16; at += 1) {
    put(
      directory(at),
      times(512, (entry) => BigInt(table(at * 512 + entry)) | 0x67n),
    );
  }
  for (let at = 0; at < 8192; at += 1) {
    put(
      table(at),
      times(512, (entry) => BigInt((at * 512 + entry) * PAGE_BYTES) | (at % 2 === 0 ? 0x61n : 0x63n)),
    );
  }
  closeSync(descriptor);
}

describe('a dump that is larger than memory', function () {
  this.timeout(120_000);
  const fileIn = useScratchDirectory();

  before(() => writeLargeDump(fileIn('vmcore')));

  /** Without what measures coverage, which takes memory of its own. */
  async function map(
    ...words: readonly string[]
  ): Promise<{ readonly lines: readonly string[]; readonly peakBytes: number }> {
    const [hook, peak] = [fileIn('hook.cjs'), fileIn('peak')];
    await writeFile(
      hook,
      `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)));`,
    );
    const env = { ...process.env, NODE_V8_COVERAGE: '' };
    const command = ['--require', hook, PROGRAM, 'map', '--dump', fileIn('vmcore'), '--json', ...words];
    const run = promisify(execFile)(process.execPath, command, { env, maxBuffer: 256 << 20 });
    // A map that ends at its limit is incomplete, which is a status of its own.
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
    const lines = stdout.split('\n').filter((line) => /^{"kind":"(range|page)"/.test(line));
    return { lines, peakBytes: Number(await readFile(peak, 'utf8')) * 1024 };
  }

  it('16 GiB are mapped beside 150 MiB', async () => {
    const { lines, peakBytes } = await map();
    expect(lines).to.have.lengthOf(8192);
    expect(lines.at(-1)).to.include('"last":"0x3ffffffff"');
    expect(peakBytes)
      .to.be.above(2 ** 20)
      .and.below(MOST_BYTES);
  });

  it('its pages are told one by one beside 150 MiB', async () => {
    const { lines, peakBytes } = await map('--leaves', '--limit', '200000');
    expect(lines).to.have.lengthOf(200_000);
    expect(peakBytes).to.be.below(MOST_BYTES);
  });
});
