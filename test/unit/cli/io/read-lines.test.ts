import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputFileError, UsageError } from '../../../../src/cli/errors.ts';
import { openLineSource, readLines, type TextLine } from '../../../../src/cli/io/read-lines.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import { openingsOf } from '../../../support/openings-of.ts';

const LONGEST = 1024 * 1024;

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function linesOf(pieces: AsyncIterable<Uint8Array>, maxChars: number): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  for await (const some of readLines({ name: 'x', open: () => pieces }, maxChars)) lines.push(...some);
  return lines;
}

const whole = (number: number, text: string): TextLine => ({ number, text, isCut: false, lengthChars: text.length });

describe('lines of a source', () => {
  const text = 'one\r\n\ntwelve\néé\rß\n\r\nend\r';
  const lines = ['one', '', 'twelve', 'éé\rß', '', 'end'].map((line, at) => whole(at + 1, line));

  it('are the same, however their bytes arrive', async () => {
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size += 1) {
      expect(await linesOf(inPieces(bytes, size), 6), `pieces of ${size}`).to.deep.equal(lines);
    }
  });

  it('are cut at what is kept of them, and their length is told all the same', async () => {
    for (let size = 1; size <= 14; size += 1) {
      expect(await linesOf(inPieces(Buffer.from('12345\n1234\n123456'), size), 4), `pieces of ${size}`).to.deep.equal([
        { number: 1, text: '1234', isCut: true, lengthChars: 5 },
        whole(2, '1234'),
        { number: 3, text: '1234', isCut: true, lengthChars: 6 },
      ]);
      expect(await linesOf(inPieces(Buffer.from('1234\r\n1'), size), 4), `pieces of ${size}`).to.deep.equal([
        whole(1, '1234'),
        whole(2, '1'),
      ]);
    }
  });

  it('are cut where what is dropped comes behind a carriage return, which is no end then', async () => {
    for (let size = 1; size <= 7; size += 1) {
      const [line, ...others] = await linesOf(inPieces(Buffer.from('1234\r5\n'), size), 4);
      expect([line?.text, line?.isCut, others.length], `pieces of ${size}`).to.deep.equal(['1234', true, 0]);
    }
  });

  it('are none where there is nothing, and one where nothing ends the only one', async () => {
    expect(await linesOf(inPieces(Buffer.alloc(0), 1), 4)).to.deep.equal([]);
    expect(await linesOf(inPieces(Buffer.from('a\n'), 1), 4)).to.deep.equal([whole(1, 'a')]);
    // The first half of a character, whose second never comes.
    expect(await linesOf(inPieces(Buffer.from([0x61, 0xc3]), 1), 4)).to.deep.equal([whole(1, 'a\ufffd')]);
  });

  it('come together where they arrive together', async () => {
    const batchesOf = async (size: number): Promise<number[]> => {
      const batches: number[] = [];
      const source = { name: 'x', open: () => inPieces(Buffer.from('a\nb\nc\nd'), size) };
      for await (const some of readLines(source, 4)) batches.push(some.length);
      return batches;
    };
    expect([await batchesOf(4), await batchesOf(1), await batchesOf(7)]).to.deep.equal([
      [2, 1, 1],
      [1, 1, 1, 1],
      [3, 1],
    ]);
  });

  it('have an end within a million characters', async () => {
    const line = Buffer.alloc(LONGEST + 5, 'x');
    async function* twice(more: number): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\n');
      yield line.subarray(0, 5);
      yield line.subarray(5);
      yield Buffer.from('x'.repeat(more));
      yield Buffer.from('\nb');
    }
    expect(await linesOf(twice(0), 4)).to.deep.equal([
      whole(1, 'a'),
      { number: 2, text: 'xxxx', isCut: true, lengthChars: LONGEST + 5 },
      whole(3, 'b'),
    ]);
    const error = await expectRejection(linesOf(twice(1), 4));
    expect(error).to.be.instanceOf(InputFileError);
    expect(error.message).to.equal(`x:2: has no line end within ${LONGEST} characters`);
  });
});

describe('a source of lines', () => {
  const signal = new AbortController().signal;
  let folder = '';
  let file = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-lines-'));
    file = join(folder, 'lines');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const openings = (): number => openingsOf(file);

  it('is a file, which is read as often as one likes, and closed', async () => {
    const bytes = Buffer.alloc(150_000, 'some text\n');
    writeFileSync(file, bytes);
    const source = await openLineSource(file, { signal }, 'translate');
    expect({ name: source.name, isRepeatable: source.isRepeatable }).to.deep.equal({ name: file, isRepeatable: true });
    for (const _ of [1, 2]) {
      const pieces: Buffer[] = [];
      for await (const piece of source.open()) pieces.push(Buffer.from(piece));
      expect(Buffer.concat(pieces).equals(bytes)).to.equal(true);
      expect(pieces.map(({ length }) => length)).to.deep.equal([65_536, 65_536, 18_928]);
      expect(openings()).to.equal(0);
    }
    for await (const _ of source.open()) {
      expect(openings()).to.equal(1);
      break;
    }
    expect(openings(), 'left in the middle').to.equal(0);
  });

  it('may be empty', async () => {
    writeFileSync(file, '');
    const source = await openLineSource(file, { signal }, 'translate');
    expect(await linesOf(source.open(), 4)).to.deep.equal([]);
  });

  it('may be a device, which is read once', async () => {
    const source = await openLineSource('/dev/null', { signal }, 'translate');
    expect({ ...source, open: null }).to.deep.equal({ name: '/dev/null', isRepeatable: false, open: null });
    expect(await linesOf(source.open(), 4)).to.deep.equal([]);
  });

  it('is standard input, where there is one', async () => {
    const input = inPieces(Buffer.from('a\nb'), 1);
    const source = await openLineSource('-', { signal, input }, 'translate');
    expect({ ...source, open: null }).to.deep.equal({ name: 'standard input', isRepeatable: false, open: null });
    expect(source.open()).to.equal(input);
    const error = await expectRejection(openLineSource('-', { signal }, 'find'));
    expect(error).to.be.instanceOf(UsageError).and.include({
      message: 'there is no standard input to read',
      command: 'find',
    });
  });

  it('says why it cannot be read, when it is looked for and when it is opened', async () => {
    const missing = await expectRejection(openLineSource(file, { signal }, 'translate'));
    expect(missing).to.be.instanceOf(InputFileError).and.include({ file, line: undefined });
    expect(missing.message).to.equal(`${file}: cannot be read: ENOENT: no such file or directory, stat '${file}'`);
    expect(missing.cause).to.include({ code: 'ENOENT' });
    expect((await expectRejection(openLineSource(folder, { signal }, 'translate'))).message).to.equal(
      `${folder}: is a directory`,
    );
    writeFileSync(file, 'a');
    const source = await openLineSource(file, { signal }, 'translate');
    rmSync(file);
    const gone = await expectRejection(linesOf(source.open(), 4));
    expect(gone.message).to.equal(`${file}: cannot be read: ENOENT: no such file or directory, open '${file}'`);
    expect(gone.cause).to.include({ code: 'ENOENT' });
  });

  it('ends with the signal, and is closed', async () => {
    writeFileSync(file, 'a\n'.repeat(100_000));
    const end = new AbortController();
    const source = await openLineSource(file, { signal: end.signal }, 'translate');
    let pieces = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of source.open()) {
        pieces += 1;
        end.abort(new Error('enough'));
      }
    };
    expect((await expectRejection(reading())).message).to.equal('enough');
    expect({ pieces, openings: openings() }).to.deep.equal({ pieces: 1, openings: 0 });
  });
});
