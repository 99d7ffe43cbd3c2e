import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAKE = `
key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $1-key.pem -out $1.csr -subj /CN=$2; }
sign() { openssl x509 -req -in $1.csr -CA ca-cert.pem -CAkey ca-key.pem -out $1-cert.pem -days 2 -extfile $1.ext; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca-key.pem -out ca-cert.pem -subj /CN=ca -days 2 -addext keyUsage=critical,keyCertSign
printf 'subjectAltName=DNS:localhost\\nkeyUsage=critical,digitalSignature,keyEncipherment\\nextendedKeyUsage=serverAuth\\n' >server.ext
printf 'keyUsage=critical,digitalSignature,keyEncipherment\\nextendedKeyUsage=clientAuth\\n' >client.ext
key server localhost && sign server && key client another && sign client`;

/** Makes an authority, and certificates of a server called `localhost` and of a client, as QEMU wants to find them in a folder. */
export function makeTlsFolder(directory: string): void {
  execFileSync('sh', ['-ec', MAKE], { cwd: directory, stdio: 'ignore' });
}

/** A monitor of QEMU's on a free port of this host, behind TLS. Its character device is called `id`. */
export function tlsMonitor(id: string, directory: string, kind: 'x509' | 'psk' = 'x509'): readonly string[] {
  const verify = kind === 'x509' ? ',verify-peer=on' : '';
  return [
    ...['-object', `tls-creds-${kind},id=creds-${id},dir=${directory},endpoint=server${verify}`],
    ...['-chardev', `socket,id=${id},host=127.0.0.1,port=0,server=on,wait=off,tls-creds=creds-${id}`],
    ...['-mon', `chardev=${id},mode=control`],
  ];
}

/** What Node's TLS takes, of the server or of the client. */
export function tlsIdentity(directory: string, who: 'server' | 'client') {
  const file = (name: string): Buffer => readFileSync(join(directory, name));
  return { ca: file('ca-cert.pem'), cert: file(`${who}-cert.pem`), key: file(`${who}-key.pem`) };
}
