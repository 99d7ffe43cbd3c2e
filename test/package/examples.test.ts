import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

/** Seen from dist/test/package, where this file runs. */
const SCRIPT = fileURLToPath(new URL('../../../scripts/package/try-examples.sh', import.meta.url));

describe('the examples', function () {
  // A Linux boots, and is fetched where it is not there.
  this.timeout(900_000);

  it('pass with the package as it is installed', async () => {
    // Each is run by a runner of its own, which is not to know of this one.
    const { NODE_TEST_CONTEXT: _, MOCHA_WORKER_ID: __, ...env } = process.env;
    const { stdout } = await promisify(execFile)('sh', [SCRIPT], { env, maxBuffer: 64 * 1024 * 1024 });
    const names = stdout.split('\n').filter((line) => line.startsWith('examples: '));
    expect(names).to.deep.equal(['examples: walker-check', 'examples: toy-kernel', 'examples: linux']);
  });
});
