import { expect } from 'chai';
import * as gdb from '../../../protocols/gdb/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const DETAILS = { endpoint: 'unix:/run/vm.gdb', cause: new Error('the cause') };

// One of each; the test below sees to it that none is left out.
const ERRORS: readonly gdb.GdbError[] = [
  new gdb.GdbError('what', DETAILS),
  new gdb.GdbArgumentError('what', DETAILS),
  new gdb.GdbPacketTooLongError('m', 4096, 4095, DETAILS),
  new gdb.GdbStateError('m1,8', 'failed', DETAILS),
  new gdb.GdbReplyError('m1,8', 14, DETAILS),
  new gdb.GdbUnsupportedError('X', 'no advice', DETAILS),
  new gdb.GdbArchitectureError('aarch64', DETAILS),
  new gdb.GdbTargetDescriptionError('target.xml', 'empty', DETAILS),
  new gdb.GdbBusyError(2000, DETAILS),
  new gdb.GdbTimeoutError('m1,8', 2000, false, DETAILS),
  new gdb.GdbProtocolError('a packet that nothing had asked for', Uint8Array.of(0x24, 0, 0xff), DETAILS),
  new gdb.GdbClosedError('ended', 'exit status 1', DETAILS),
];

describe('GDB errors', () => {
  it('are all tried here', () => {
    const classes = Object.entries(gdb)
      .filter(([name, item]) => name.startsWith('Gdb') && typeof item === 'function' && item.prototype instanceof Error)
      .map(([, item]) => item);
    expect(ERRORS.map((error) => error.constructor)).to.have.members(classes);
  });

  it('have codes of their own', () => {
    expect(new Set(ERRORS.map(({ code }) => code)).size).to.equal(ERRORS.length);
  });

  for (const error of ERRORS.slice(1)) {
    it(`${error.name} carries its evidence`, () => {
      expectErrorShape(error, 'GDB', DETAILS.cause);
      expect(error).to.be.instanceOf(gdb.GdbError);
      expect(error.name)
        .to.equal(error.constructor.name)
        .and.match(/Error$/);
      const rest = error.name.slice('Gdb'.length, -'Error'.length);
      const words = rest.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      expect(error.code).to.equal(`ERR_GDB${words}`);
      expect(error.endpoint).to.equal(DETAILS.endpoint);
    });
  }

  it('show bytes that cannot be printed', () => {
    expect(new gdb.GdbProtocolError('odd', Uint8Array.of(0x41, 0, 0xff), DETAILS).message).to.contain("'A\\x00\\xff'");
    const edges = Uint8Array.of(0x1f, 0x20, 0x7e, 0x7f, 0x0a);
    expect(new gdb.GdbProtocolError('odd', edges, DETAILS).message).to.contain("'\\x1f ~\\x7f\\x0a'");
  });

  it('repeat 80 characters of a request or of what came, and no more', () => {
    const reply = (request: string) => new gdb.GdbReplyError(request, 14, DETAILS).message;
    expect(reply('m'.repeat(80))).to.match(/ 'm{80}'$/);
    expect(reply('m'.repeat(81))).to.match(/ 'm{80}\.\.\.'$/);
    const came = (count: number) => new gdb.GdbProtocolError('odd', Buffer.alloc(count, 'x'), DETAILS);
    expect(came(80).message).to.match(/ 'x{80}'$/);
    expect(came(81).message).to.match(/ 'x{80}\.\.\.'$/);
    expect(came(300).received).to.have.length(256);
    const debugged = (architecture: string) => new gdb.GdbArchitectureError(architecture, DETAILS).message;
    expect(debugged('a'.repeat(80))).to.match(/ 'a{80}';/);
    expect(debugged('a'.repeat(81))).not.to.match(/a{81}/);
    const described = (annex: string) => new gdb.GdbTargetDescriptionError(annex, 'empty', DETAILS).message;
    expect(described('a'.repeat(128))).to.match(/ 'a{128}' /);
    expect(described('a'.repeat(129))).not.to.match(/a{129}/);
    expect(new gdb.GdbPacketTooLongError('m'.repeat(5000), 5000, 4095, DETAILS).request).to.equal('m'.repeat(40));
  });

  it('do not repeat a long request in full', () => {
    const error = new gdb.GdbReplyError(`M0,400:${'00'.repeat(1024)}`, 14, DETAILS);
    expect(error.message.length).to.be.below(300);
    expect(error.request).to.have.length(2055);
  });
});
