import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { InputFileError, UsageError } from '../../../../src/cli/errors.ts';
import { AddressList } from '../../../../src/cli/io/address-list.ts';
import { readLines } from '../../../../src/cli/io/read-lines.ts';
import type { CliContext } from '../../../../src/cli/options/command.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';

interface Listed {
  readonly addresses: readonly string[];
  readonly chunks: readonly number[];
  readonly complaints: readonly string[];
  readonly junkLines: number;
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function contextWith(input: AsyncIterable<Uint8Array> | undefined, complaints: string[]): CliContext {
  return {
    environment: {},
    isTerminal: false,
    print: () => {},
    complain: (line) => complaints.push(line),
    signal: new AbortController().signal,
    ...(input ? { input } : {}),
  };
}

async function list(text: string, options: { keepGoing?: boolean; size?: number } = {}): Promise<Listed> {
  const complaints: string[] = [];
  const bytes = Buffer.from(text, 'latin1');
  const context = contextWith(inPieces(bytes, options.size ?? 65_536), complaints);
  const found = await AddressList.open('-', { keepGoing: options.keepGoing ?? false }, context, 'translate');
  const chunks: BigUint64Array[] = [];
  for await (const chunk of found.chunks()) chunks.push(chunk);
  found.complainOfRest();
  return {
    addresses: chunks.flatMap((chunk) => Array.from(chunk, (address) => `0x${address.toString(16)}`)),
    chunks: chunks.map(({ length }) => length),
    complaints,
    junkLines: found.junkLines,
  };
}

describe('cli/AddressList', () => {
  const text = '0x1000\n\n  # a comment\r\n4096 # two\r\nffff8000`00105000\n   \n0xffff_8000';
  const addresses = ['0x1000', '0x1000', '0xffff800000105000', '0xffff8000'];

  it('takes an address from each line, and nothing from empty lines and comments', async () => {
    expect(await list(text)).to.deep.equal({ addresses, chunks: [4], complaints: [], junkLines: 0 });
  });

  it('takes the same in pieces of any size', async () => {
    for (let size = 1; size < text.length; size += 1) {
      expect((await list(text, { size })).addresses, `pieces of ${size}`).to.deep.equal(addresses);
    }
  });

  it('hands on no more than 4096 at once', async () => {
    expect((await list('1\n'.repeat(10_000))).chunks).to.deep.equal([4096, 4096, 1808]);
  });

  it('names the first line that is no address', async () => {
    const error = await expectRejection(list('1\n# x\nffff\n2\n'));
    expect(error).to.be.instanceOf(InputFileError);
    expect(error).to.include({
      message: 'standard input:3: address "ffff" is not a number; hexadecimal is written with 0x in front: 0xffff',
      line: 3,
      exitStatus: 2,
      code: 'ERR_CLI_INPUT_FILE',
    });
  });

  it('hands on what came before that line', async () => {
    const context = contextWith(inPieces(Buffer.from('1\n2\nx\n3\n'), 100), []);
    const chunks = (await AddressList.open('-', { keepGoing: false }, context, 'translate')).chunks();
    expect((await chunks.next()).value).to.deep.equal(BigUint64Array.of(1n, 2n));
    expect(await expectRejection(chunks.next())).to.be.instanceOf(InputFileError);
  });

  it('goes on after such lines if asked to, and says which they were', async () => {
    const { addresses: rest, complaints, junkLines } = await list('1\nx\n2\n-1\n', { keepGoing: true });
    expect({ rest, junkLines }).to.deep.equal({ rest: ['0x1', '0x2'], junkLines: 2 });
    expect(complaints).to.deep.equal([
      'pagewalk: standard input:2: address "x" is not a number (hexadecimal with 0x in front, or decimal)',
      'pagewalk: standard input:4: address "-1" is not a number (hexadecimal with 0x in front, or decimal)',
    ]);
  });

  it('says in sum what it would be too much to say line by line', async () => {
    const { complaints, junkLines } = await list('x\n'.repeat(1000), { keepGoing: true });
    expect(junkLines).to.equal(1000);
    expect(complaints).to.have.lengthOf(21);
    expect(complaints.at(-1)).to.equal('pagewalk: standard input: 980 more lines that are no address');
  });

  it('does not keep a line that has no end', async () => {
    const { complaints, addresses: rest } = await list(`${'0x1'.repeat(100_000)}\n2\n`, {
      keepGoing: true,
      size: 1000,
    });
    expect(rest).to.deep.equal(['0x2']);
    expect(complaints).to.deep.equal([
      'pagewalk: standard input:1: "0x10x10x10x10x10x10x"… is too long for an address',
    ]);
    expect((await list(`${' '.repeat(500)}1\n`, { keepGoing: true })).junkLines).to.equal(1);
    expect((await list(`1 #${' '.repeat(500)}\n`)).addresses).to.deep.equal(['0x1']);
  });

  it('takes bytes that are no text for junk', async () => {
    expect((await list('\xff\xfe\x00\x80\n7\n', { keepGoing: true })).junkLines).to.equal(1);
  });

  it('says each of twenty lines, and only how many more there are', async () => {
    const junk = async (count: number) => (await list('x\n'.repeat(count), { keepGoing: true })).complaints;
    expect(await junk(20)).to.have.lengthOf(20);
    expect((await junk(21)).slice(20)).to.deep.equal(['pagewalk: standard input: 1 more line that is no address']);
    expect((await junk(22)).slice(20)).to.deep.equal(['pagewalk: standard input: 2 more lines that are no address']);
  });

  it('hands on nothing empty', async () => {
    expect((await list('1\n'.repeat(8192))).chunks).to.deep.equal([4096, 4096]);
    expect((await list('# nothing\n')).chunks).to.deep.equal([]);
    expect((await list('')).chunks).to.deep.equal([]);
  });

  it('takes addresses as kernels print them, of sixteen digits alone', async () => {
    expect((await list('FFFFffff81000000\n0000000000001000\n')).addresses).to.deep.equal([
      '0xffffffff81000000',
      '0x1000',
    ]);
    expect((await expectRejection(list('ffffffff8100000\n'))).message).to.match(/:1: .* is not a number; hexadecimal/);
  });

  it('keeps 256 characters of a line, and takes no part of a number for one', async () => {
    const spaced = (count: number): string => `0x1${' '.repeat(count - 3)}`;
    expect((await list(`${spaced(256)}\n`)).addresses).to.deep.equal(['0x1']);
    expect((await expectRejection(list(`${spaced(257)}\n`))).message).to.equal(
      'standard input:1: "0x1"… is too long for an address',
    );
    expect((await list(`${spaced(255)}#${'x'.repeat(100)}\n${'#'.repeat(300)}\n`)).addresses).to.deep.equal(['0x1']);
    // What would count may be behind what was cut off.
    expect((await expectRejection(list(`${' '.repeat(300)}\n`))).message).to.equal(
      'standard input:1: ""… is too long for an address',
    );
  });

  it('stops after sixteen million characters without an address, and not before', async () => {
    const line = Buffer.from(`#${'x'.repeat(4094)}\n`.repeat(16));
    const run = async (...last: readonly string[]): Promise<number> => {
      async function* input(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('5\n');
        for (let count = 0; count < 256; count += 1) yield line;
        for (const text of last) yield Buffer.from(text);
      }
      const found = await AddressList.open('-', { keepGoing: false }, contextWith(input(), []), 'translate');
      let addresses = 0;
      for await (const chunk of found.chunks()) addresses += chunk.length;
      return addresses;
    };
    expect(await run('1\n', '\n'.repeat(100), '2')).to.equal(3);
    expect((await expectRejection(run('\n'))).message).to.equal(
      'standard input:4098: no address in the last 16777216 characters',
    );
  });

  it('answers nothing of what came before another failure', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('1\n2\n');
      throw new Error('gone');
    }
    const found = await AddressList.open('-', { keepGoing: false }, contextWith(input(), []), 'translate');
    expect((await expectRejection(found.chunks().next())).message).to.equal('gone');
  });

  describe('with names', () => {
    const named = async (text: string, keepGoing = false) => {
      const complaints: string[] = [];
      const context = contextWith(inPieces(Buffer.from(text), 65_536), complaints);
      const found = await AddressList.open('-', { keepGoing, takesNames: true }, context, 'translate');
      const addresses: bigint[] = [];
      for await (const chunk of found.chunks()) addresses.push(...chunk);
      return { found, addresses, complaints };
    };

    it('has them by where they are in the list, with the line that they are in', async () => {
      const { found, addresses } = await named('0x10\n\ndo_exit+1\nCR2: 0020\n# no\nrsp\n');
      expect(addresses).to.deep.equal([0x10n, 0n, 0x20n, 0n]);
      const symbol = { name: 'do_exit', module: undefined, sizeBytes: undefined };
      expect([...found.names]).to.deep.equal([
        [1, { number: 3, written: { kind: 'symbol', text: 'do_exit+1', symbol, offset: 1n } }],
        [3, { number: 6, written: { kind: 'register', text: 'rsp', register: 'rsp', offset: 0n } }],
      ]);
    });

    it('has them anew each time it is read', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
      try {
        const file = join(directory, 'list');
        await writeFile(file, '1\nrip\n');
        const options = { keepGoing: false, takesNames: true };
        const found = await AddressList.open(file, options, contextWith(undefined, []), 'translate');
        expect(found.name).to.equal(file);
        for (const _ of [1, 2]) {
          for await (const chunk of found.chunks()) expect(chunk).to.deep.equal(BigUint64Array.of(1n, 0n));
          expect([...found.names.keys()]).to.deep.equal([1]);
        }
      } finally {
        await rm(directory, { recursive: true });
      }
    });

    it('takes no name where none is taken', async () => {
      expect((await expectRejection(list('rip\n'))).message).to.match(/^standard input:1: address "rip" is not a/);
    });

    it('holds no more than 65536 of them', async () => {
      const names = 'rip\n'.repeat(65_536);
      expect((await named(`${names}1\n`)).found.names.size).to.equal(65_536);
      expect((await expectRejection(named(`${names}rip\n`))).message).to.equal(
        'standard input:65537: more than 65536 lines of a list are names',
      );
    });

    it('refuses a name that the guest does not have, with its line, or goes on', async () => {
      const cause = new Error('below');
      const { found } = await named('nothing\n');
      const [line] = found.names.values();
      if (line === undefined) throw new Error('there is no name');
      expect(() => found.refuseName(line, 'no such name', cause))
        .to.throw(InputFileError, 'standard input:1: no such name')
        .that.includes({ cause, line: 1 });
      const going = await named('nothing\n', true);
      expect(going.found.refuseName(line, 'no such name')).to.equal(undefined);
      expect(going.found.junkLines).to.equal(1);
      expect(going.complaints).to.deep.equal(['pagewalk: standard input:1: no such name']);
    });
  });

  it('looks through a whole file before it hands on anything', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
    try {
      const file = join(directory, 'list');
      await writeFile(file, `${'1\n'.repeat(5000)}x\n`);
      const open = (keepGoing: boolean) =>
        AddressList.open(file, { keepGoing }, contextWith(undefined, []), 'translate');
      const error = await expectRejection(open(false));
      expect(error.message).to.match(/list:5001: address "x" is not a number/);
      expect(await open(true)).to.be.instanceOf(AddressList);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('says why a file cannot be read', async () => {
    const open = (file: string) =>
      AddressList.open(file, { keepGoing: false }, contextWith(undefined, []), 'translate');
    const missing = await expectRejection(open('/nonexistent/list'));
    expect(missing.message).to.match(/^\/nonexistent\/list: cannot be read: ENOENT/);
    expect((await expectRejection(open('/'))).message).to.equal('/: is a directory');
    expect(await expectRejection(open('-'))).to.be.instanceOf(UsageError);
  });
});

describe('a list that is none', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-list-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function read(file: string, keepGoing: boolean, context = contextWith(undefined, [])): Promise<string[]> {
    const found = await AddressList.open(file, { keepGoing }, context, 'translate');
    const addresses: string[] = [];
    for await (const chunk of found.chunks()) addresses.push(...Array.from(chunk, String));
    return addresses;
  }

  for (const keepGoing of [false, true]) {
    it(`a line without end is refused, ${keepGoing ? 'also when it is to go on' : 'when it may not go on'}`, async () => {
      expect((await expectRejection(read('/dev/zero', keepGoing))).message).to.equal(
        '/dev/zero:1: has no line end within 1048576 characters',
      );
    });
  }

  it('lines without end that hold no address are refused', async () => {
    const junk = Buffer.from(`\u009b\u202e${'x'.repeat(4000)}\n`.repeat(16));
    async function* input(): AsyncGenerator<Uint8Array> {
      for (;;) yield junk;
    }
    const complaints: string[] = [];
    const error = await expectRejection(read('-', true, contextWith(input(), complaints)));
    expect(error.message).to.match(/^standard input:\d+: no address in the last 16777216 characters$/);
    expect(complaints).to.have.length(20);
    for (const complaint of complaints) expect(complaint).to.match(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u);
  });

  it('a pipe that nothing writes into is refused, and not waited for', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect((await expectRejection(read(pipe, false))).message).to.equal(`${pipe}: is a pipe that nothing writes into`);
  });

  it('a pipe is read to its end, however slowly it is written into', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = await open(pipe, 'r+');
    const reading = read(pipe, false);
    for (const text of ['0x1\n', '0x', '2\n']) {
      await writer.write(text);
      await delay(30);
    }
    await writer.close();
    expect(await reading).to.deep.equal(['1', '2']);
  });

  it('a pipe that stays open and silent ends with the signal', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = await open(pipe, 'r+');
    const end = new AbortController();
    const reading = expectRejection(read(pipe, false, { ...contextWith(undefined, []), signal: end.signal }));
    end.abort(new Error('enough'));
    expect((await reading).message).to.equal('enough');
    await writer.close();
  });

  it('what came before it is handed on', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('0x1\n');
      for (;;) yield Buffer.alloc(65_536);
    }
    const found = await AddressList.open('-', { keepGoing: false }, contextWith(input(), []), 'translate');
    const chunks = found.chunks();
    expect((await chunks.next()).value).to.deep.equal(BigUint64Array.of(1n));
    expect((await expectRejection(chunks.next())).message).to.match(/^standard input:2: has no line end/);
  });
});

describe('cli/readLines', () => {
  it('numbers lines, and takes a last one without an end', async () => {
    const lines = [];
    const source = { name: 'x', open: () => inPieces(Buffer.from('a\r\n\nbcd'), 2) };
    for await (const some of readLines(source, 2)) lines.push(...some);
    expect(lines).to.deep.equal([
      { number: 1, text: 'a', isCut: false, lengthChars: 1 },
      { number: 2, text: '', isCut: false, lengthChars: 0 },
      { number: 3, text: 'bc', isCut: true, lengthChars: 3 },
    ]);
  });
});
