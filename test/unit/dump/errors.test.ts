import { expect } from 'chai';
import * as dump from '../../../src/dump/index.ts';
import {
  DumpError,
  DumpFileError,
  DumpFormatError,
  DumpRegistersError,
  DumpUnsupportedError,
} from '../../../src/dump/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');
const EXAMPLES = { DumpFileError, DumpFormatError, DumpRegistersError, DumpUnsupportedError };

describe('the errors of dumps', () => {
  it('are all tried here', () => {
    const exported = Object.keys(dump).filter((name) => name.endsWith('Error') && name !== 'DumpError');
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  for (const [name, ErrorClass] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code, cause and file`, () => {
      const error = new ErrorClass('vmcore', 'is\u009b damaged', { cause });
      expect(error).to.be.instanceOf(DumpError);
      expectErrorShape(error, 'DUMP', cause);
      expect(error.file).to.equal('vmcore');
      expect(error.message).to.equal('vmcore: is\\u009b damaged');
    });
  }
});
