import { expect } from 'chai';
import {
  CliError,
  InputFileError,
  InterruptedError,
  MomentError,
  OutputFileError,
  PageMissingError,
  PortError,
  TraceFileError,
  UsageError,
} from '../../../src/cli/errors.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const BELOW = new Error('below');
const TAKEN = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
const BARRED = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
const USED = { code: 'ERR_CLI_USAGE', exitStatus: 2 };
const INPUT = { code: 'ERR_CLI_INPUT_FILE', exitStatus: 2 };
const OUTPUT = { code: 'ERR_CLI_OUTPUT_FILE', exitStatus: 2 };
const TRACE = { code: 'ERR_CLI_TRACE_FILE', exitStatus: 2 };
const PORT = { code: 'ERR_CLI_PORT', exitStatus: 2, port: 80 };
const END = 'give another --port, or none for a free one';

/** Each with its message and all that it has besides. */
const ERRORS: readonly (readonly [CliError, string, object, unknown?])[] = [
  [new UsageError('m'), 'm', { ...USED, command: undefined }],
  [new UsageError('m', 'state', { cause: BELOW }), 'm', { ...USED, command: 'state' }, BELOW],
  [new TraceFileError('f', BELOW), 'cannot write the trace to f: below', { ...TRACE, file: 'f' }, BELOW],
  [new TraceFileError('f', 'full'), 'cannot write the trace to f: full', { ...TRACE, file: 'f' }, 'full'],
  [new InputFileError('f', 3, 'is odd', { cause: BELOW }), 'f:3: is odd', { ...INPUT, file: 'f', line: 3 }, BELOW],
  [new InputFileError('f', undefined, 'is odd'), 'f: is odd', { ...INPUT, file: 'f', line: undefined }],
  [new OutputFileError('f', BELOW), 'cannot write f: below', { ...OUTPUT, file: 'f' }, BELOW],
  [new OutputFileError('f', 'full'), 'cannot write f: full', { ...OUTPUT, file: 'f' }, 'full'],
  [
    new PageMissingError('/a'),
    'the page of pictures is not beside /a: build it with npm run build, or install pagewalk again',
    { code: 'ERR_CLI_PAGE_MISSING', exitStatus: 3 },
  ],
  [
    new PortError('::1', 80, TAKEN),
    `cannot listen on ::1:80: another program listens there; ${END}`,
    ...([PORT, TAKEN] as const),
  ],
  [new PortError('h', 80, BARRED), `cannot listen on h:80: this user may not listen there; ${END}`, PORT, BARRED],
  [new PortError('h', 80, BELOW), `cannot listen on h:80: below; ${END}`, PORT, BELOW],
  [
    new MomentError('user', 2, 'it did not come'),
    '--until user: it did not come',
    { code: 'ERR_CLI_MOMENT', exitStatus: 3, until: 'user', pauses: 2 },
  ],
  [
    new InterruptedError('SIGTERM', 15),
    'ended by SIGTERM',
    { code: 'ERR_CLI_INTERRUPTED', exitStatus: 143, signalName: 'SIGTERM' },
  ],
];

describe('cli errors, each with all that it says', () => {
  for (const [error, message, parts, cause] of ERRORS) {
    it(`${error.name}: ${message}`, () => {
      expect(error).to.be.instanceOf(CliError);
      expectErrorShape(error, 'CLI', cause);
      expect(error.message).to.equal(message);
      expect({ ...error }).to.deep.equal({ name: error.name, ...parts });
    });
  }

  it('are printable, whatever they quote', () => {
    expect(new UsageError('a\u001b[2Jb\nc').message).to.equal('a\\u001b[2Jb\nc');
  });
});
