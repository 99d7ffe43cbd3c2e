/**
 * Records the register files that the GDB tests replay, from the QEMU that is installed, into test/support/fixtures/gdb. Run
 * it with `npm run build && node dist/test/support/record/record-gdb-fixtures.js` when a QEMU version is added. The files are the
 * same in QEMU 7.2 and 10.0.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GdbClient } from '../../../protocols/gdb/index.ts';
import { readAnnex } from '../../../protocols/gdb/session/read-annex.ts';
import { connect } from '../../../protocols/transport/index.ts';
import { launchQemu } from '../../../src/testing/index.ts';

const FOLDER = 'test/support/fixtures/gdb';

async function record(binary: string, annex: string): Promise<void> {
  const qemu = await launchQemu({ binary, machine: 'pc', paused: true, debugcon: false });
  try {
    const client = await GdbClient.connect(await connect(qemu.gdbEndpoint, { timeoutMs: 5000 }));
    await writeFile(join(FOLDER, annex), await readAnnex(client.session, annex), 'latin1');
    await client.close();
  } finally {
    await qemu.stop();
  }
}

await mkdir(FOLDER, { recursive: true });
await record('qemu-system-x86_64', 'i386-64bit.xml');
await record('qemu-system-i386', 'i386-32bit.xml');
