import { expect } from 'chai';
import * as transport from '../../../protocols/transport/index.ts';
import { ConnectError, EndpointError, TransportError } from '../../../protocols/transport/index.ts';
import { expectErrorShape } from '../../support/expect-error-shape.ts';

const cause = new Error('the cause');

const EXAMPLES = {
  EndpointError: () => new EndpointError('nonsense', 'a problem'),
  ConnectError: () => new ConnectError('ERR_TRANSPORT_REFUSED', 'unix:/x', 'no process listens', { cause }),
} satisfies Record<string, () => TransportError>;

describe('the errors of the transport', () => {
  it('are all tried here', () => {
    const exported = Object.keys(transport).filter((name) => name.endsWith('Error') && name !== 'TransportError');
    expect(exported.sort()).to.deep.equal(Object.keys(EXAMPLES).sort());
  });

  for (const [name, make] of Object.entries(EXAMPLES)) {
    it(`${name} has its name, code and cause`, () => {
      const error = make();
      expect(error).to.be.instanceOf(TransportError);
      expectErrorShape(error, 'TRANSPORT', name === 'ConnectError' ? cause : undefined);
    });
  }

  it('keep their evidence', () => {
    expect(EXAMPLES.ConnectError()).to.include({ endpoint: 'unix:/x', code: 'ERR_TRANSPORT_REFUSED' });
    expect(EXAMPLES.EndpointError()).to.include({ text: 'nonsense' });
  });
});
