import { expect } from 'chai';
import { LONGEST_TIMER_MS } from '../../../../../protocols/transport/internal.ts';
import { UsageError } from '../../../../../src/cli/errors.ts';
import { parseUntil, UNTIL_OPTIONS } from '../../../../../src/cli/options/moment/until.ts';
import { parseOptions } from '../../../../../src/cli/options/parse-options.ts';

const TABLE = { ...UNTIL_OPTIONS, live: { help: '' } };
const parse = (...words: readonly string[]) => parseUntil(parseOptions(words, TABLE, 'map'), 'map');

describe('--until and --within', () => {
  it('are nothing where they are not given', () => {
    expect(parse()).to.equal(undefined);
    expect(parse('--live')).to.equal(undefined);
  });

  it('have the moment as it was written, and wait for five seconds by themselves', () => {
    const rest = { withinMs: 5000, command: 'map' };
    for (const [text, condition] of [
      ['user', { kind: 'user' }],
      ['kernel', { kind: 'kernel' }],
      ['nested', { kind: 'nested' }],
      ['CR3=0x1000', { kind: 'cr3', cr3: 0x1000n }],
      ['process=1234567', { kind: 'process', process: 1_234_567 }],
      ['process=12345678', { kind: 'process', process: '12345678' }],
      ['Process=a=b', { kind: 'process', process: 'a=b' }],
    ] as const) {
      expect(parse('--until', text), text).to.deep.equal({ text, condition, ...rest });
    }
  });

  it('wait from one millisecond up to as long as a timer can', () => {
    for (const withinMs of [1, LONGEST_TIMER_MS]) {
      expect(parse('--until', 'user', '--within', String(withinMs))?.withinMs).to.equal(withinMs);
    }
    for (const text of ['0', String(LONGEST_TIMER_MS + 1)]) {
      expect(() => parse('--until', 'user', '--within', text)).to.throw(
        UsageError,
        `--within "${text}" is not a whole number from 1 to ${LONGEST_TIMER_MS}`,
      );
    }
  });

  for (const [words, message] of [
    [['--within', '5'], '--within needs --until'],
    [['--until', 'user', '--live'], '--until pauses the guest, and --live does not'],
    [['--until', 'cr3=x'], '--until cr3 "x" is not a number (hexadecimal with 0x in front, or decimal)'],
    [['--until', 'cr3='], '--until "cr3=" is none of user, kernel, nested, cr3=VALUE, process=PID and process=NAME'],
    [['--until', 'User'], '--until "User" is none of user, kernel, nested, cr3=VALUE, process=PID and process=NAME'],
  ] as const) {
    it(`are refused as ${words.join(' ')}`, () => {
      expect(() => parse(...words))
        .to.throw(UsageError)
        .that.includes({ message, command: 'map' });
    });
  }
});
