import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

/** Seen from dist/test/package, where this file runs. */
const DEMO = fileURLToPath(new URL('../../scripts/demo.js', import.meta.url));

describe('the demo', function () {
  this.timeout(60_000);

  it('ends well, which it does only if every answer was right and the guest saw its bits set', async () => {
    // It rejects unless the status is 0. A guest of the user's own must not get into it.
    const environment = { ...process.env, PAGEWALK_QMP: 'unix:/nowhere', PAGEWALK_GDB: 'unix:/nowhere' };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [DEMO], { env: environment });
    expect(stderr).to.equal('');
    for (const word of ['NOT_PRESENT', 'PRIVILEGE_VIOLATION', 'INVALID_GVA', '+A +D', 'was paused']) {
      expect(stdout).to.contain(word);
    }
    expect(stdout).to.match(/^ {2}pte rw 0000000000120007 +pte rw 0000000000120067 +A and D are set$/m);
    expect(stdout, 'colours are for terminals').not.to.contain('\u001b');
  });
});
