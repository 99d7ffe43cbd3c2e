import type { TlsCredentials } from './tls-files.ts';

/** What OpenSSL and Node say, and what it means here. */
const FAILURES: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the server's certificate is not signed by an authority that is trusted: name the right one with ca= or dir=",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the server's certificate is not signed by an authority that is trusted: name the right one with ca= or dir=",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the server's certificate is signed by an authority that is not trusted: name it with ca= or dir=",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is signed by itself: name it with ca=",
  CERT_SIGNATURE_FAILURE: "the server's certificate is not signed by the authority of ca=",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name: servername= names the one that is in it",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  ERR_SSL_WRONG_VERSION_NUMBER: 'what listens there does not speak TLS; without TLS the endpoint is tcp:',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what listens there does not speak TLS; without TLS the endpoint is tcp:',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'the server wants a certificate of this client: name it with cert= and key=, or dir=',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the server does not trust the authority of this client's certificate",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the server refuses this client's certificate",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'client and server have no way of TLS in common: a server with keys (tls-creds-psk) takes psk=, one with certificates ca=',
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: 'the key is not the one that the server has for this identity',
  ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC: 'the key is not the one that the server has for this identity',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY: 'the server knows no key of this identity: identity= names another',
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: 'the server broke the handshake off',
  ERR_SSL_NO_SUITABLE_KEY_SHARE: 'client and server have no way of TLS in common',
};

/** An error of TLS in words that say what to do. @internal */
export function describeTlsFailure(error: Error): string | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  const known = FAILURES[code];
  if (known !== undefined) return `${known} (${code})`;
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO') {
    return `TLS failed: ${error.message}${code === '' ? '' : ` (${code})`}`;
  }
  return undefined;
}

/** Why a server may end a connection that it had agreed to: under TLS 1.3 it judges the client after that. @internal */
export function explainSuddenEnd({ cert, psk }: TlsCredentials): string {
  if (psk !== undefined)
    return 'the server ended it right after the handshake: it may know another key for this identity';
  return cert === undefined
    ? 'the server ended it right after the handshake, as one does that wants a certificate of its client (verify-peer): name one with cert= and key=, or dir='
    : "the server ended it right after the handshake, as one does that does not trust this client's certificate";
}

/** Why a server may end a connection in the handshake, which QEMU does without a word. @internal */
export function explainBrokenHandshake({ psk }: TlsCredentials): string {
  return psk === undefined
    ? 'the server broke the handshake off: it may have keys (psk=) and no certificates, or speak no TLS'
    : 'the server broke the handshake off: it may have another key for this identity, no such identity, or certificates and no keys';
}
