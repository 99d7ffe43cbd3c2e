import { expect } from 'chai';
import {
  describeTlsFailure,
  explainBrokenHandshake,
  explainSuddenEnd,
} from '../../../../protocols/transport/tls/tls-failure.ts';

const PSK = { identity: 'qemu', key: Buffer.from('00', 'hex') };
const CERT = Buffer.from('cert');
const failure = (code: string, message = 'it failed'): Error => Object.assign(new Error(message), { code });

describe('transport/describeTlsFailure', () => {
  it('says what to do, and keeps the code', () => {
    expect(describeTlsFailure(failure('ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY'))).to.match(
      /^the server knows no key of this identity: identity= names another \(ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY\)$/,
    );
  });

  it('passes on what OpenSSL and Node say of anything else, and nothing that is not about TLS', () => {
    expect(describeTlsFailure(failure('ERR_SSL_WHATEVER'))).to.equal('TLS failed: it failed (ERR_SSL_WHATEVER)');
    expect(describeTlsFailure(failure('ERR_TLS_WHATEVER'))).to.equal('TLS failed: it failed (ERR_TLS_WHATEVER)');
    expect(describeTlsFailure(failure('EPROTO', 'bad record'))).to.equal('TLS failed: bad record (EPROTO)');
    expect(describeTlsFailure(failure('ECONNREFUSED'))).to.equal(undefined);
    expect(describeTlsFailure(new Error('no code'))).to.equal(undefined);
  });
});

describe('transport/explainSuddenEnd', () => {
  it('goes by what the client has shown', () => {
    expect(explainSuddenEnd({ psk: PSK })).to.match(/another key for this identity$/);
    expect(explainSuddenEnd({})).to.match(/wants a certificate of its client/);
    expect(explainSuddenEnd({ cert: CERT })).to.match(/does not trust this client's certificate$/);
    expect(explainBrokenHandshake({ psk: PSK })).to.match(/certificates and no keys$/);
    expect(explainBrokenHandshake({})).to.match(/or speak no TLS$/);
  });
});
