import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { TraceFileError } from '../../../../src/cli/errors.ts';
import { TraceFile } from '../../../../src/cli/io/trace-file.ts';
import { openingsOf } from '../../../support/openings-of.ts';

describe('cli/TraceFile', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pagewalk-trace-'));
    file = join(directory, 'trace');
  });

  afterEach(() => rm(directory, { recursive: true }));

  it('writes a line for each record at once: milliseconds, channel, flight, direction, text', async () => {
    const trace = new TraceFile(file);
    trace.sink({ channel: 'qmp', direction: '<-', text: '{"QMP": {}}' });
    trace.sink({ channel: 'qmp', direction: '->', text: '{"execute":"stop"}' });
    trace.sink({ channel: 'gdb', direction: '->', text: '$m0,8#9a' });
    trace.sink({ channel: 'gdb', direction: '->', text: '$m8,8#a2' });
    trace.sink({ channel: 'gdb', direction: '<-', text: '+' });
    trace.sink({ channel: 'gdb', direction: '->', text: '$qC#b4' });
    trace.sink({ channel: 'qmp', direction: '<-', text: '{"return": {}}' });
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines.map((line) => line.replace(/^ *\d+\.\d{3} {2}/, ''))).to.deep.equal([
      'qmp  0 <-  {"QMP": {}}',
      'qmp  1 ->  {"execute":"stop"}',
      'gdb  1 ->  $m0,8#9a',
      'gdb  1 ->  $m8,8#a2',
      'gdb  1 <-  +',
      'gdb  2 ->  $qC#b4',
      'qmp  1 <-  {"return": {}}',
      '',
    ]);
    expect(trace.close()).to.equal(undefined);
  });

  it('has the time since it was opened, in a column, and the number of the flight in another', async () => {
    const before = performance.now();
    const trace = new TraceFile(file);
    for (let flight = 1; flight <= 10; flight += 1) {
      trace.sink({ channel: 'gdb', direction: '->', text: '$g#67' });
      trace.sink({ channel: 'gdb', direction: '<-', text: '+' });
    }
    const mostMs = performance.now() - before;
    trace.close();
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines).to.have.length(20);
    for (const line of lines) {
      expect(line).to.match(/^[ \d]{6}\.\d{3} {2}gdb [ \d]\d (?:->|<-) {2}\S/);
      // It is rounded.
      expect(Number(line.slice(0, 10))).to.be.within(0, mostMs + 0.001);
    }
    expect(lines.slice(-2).map((line) => line.slice(12))).to.deep.equal(['gdb 10 ->  $g#67', 'gdb 10 <-  +']);
  });

  it('is closed in the end, and takes what is left of a file before', async () => {
    await writeFile(file, 'old\n'.repeat(100));
    const trace = new TraceFile(file);
    expect(openingsOf(file)).to.equal(1);
    trace.sink({ channel: 'gdb', direction: '->', text: '+' });
    expect(trace.close()).to.equal(undefined);
    expect(openingsOf(file)).to.equal(0);
    expect(await readFile(file, 'utf8')).to.match(/^ +\d+\.\d{3} {2}gdb {2}1 -> {2}\+\n$/);
  });

  it('keeps a record on its line, whatever is in it', async () => {
    const trace = new TraceFile(file);
    trace.sink({ channel: 'gdb', direction: '<-', text: '$l<a>\r\n\t</a>\x03\x9b#00' });
    trace.close();
    expect(await readFile(file, 'utf8')).to.match(/<- {2}\$l<a>\\u000d\\u000a\\u0009<\/a>\\u0003\\u009b#00\n$/);
  });

  it('is for the user alone, as it holds guest memory', async () => {
    new TraceFile(file).close();
    expect(((await stat(file)).mode & 0o777).toString(8)).to.equal('600');
  });

  it('refuses a file that cannot be opened', () => {
    expect(() => new TraceFile(join(directory, 'no', 'such')))
      .to.throw(TraceFileError, /^cannot write the trace to .*\/no\/such: ENOENT/)
      .that.includes({ code: 'ERR_CLI_TRACE_FILE', exitStatus: 2 });
  });

  it('goes quiet when it can write no more, and says so in the end', () => {
    const trace = new TraceFile('/dev/full');
    trace.sink({ channel: 'gdb', direction: '->', text: '$g#67' });
    trace.sink({ channel: 'gdb', direction: '->', text: '$g#67' });
    expect(trace.close()).to.match(/^cannot write the trace to \/dev\/full: ENOSPC/);
  });
});
