import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { attach } from '../../../src/guest/attach.ts';
import { GuestUsageError } from '../../../src/guest/index.ts';
import { expectRejection } from '../../support/expect-rejection.ts';

const PLAIN = { watchdog: false, timeoutMs: 5000 } as const;

describe('guest/attach', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('needs an endpoint', async () => {
    const refusal = await expectRejection(attach(PLAIN));
    expect(refusal).to.be.instanceOf(GuestUsageError);
    expect(refusal.message).to.equal('there is neither a QMP endpoint nor a GDB endpoint to attach to');
  });

  it('is told which endpoint does not answer: that of the monitor, where there are both', async () => {
    const [qmp, gdb] = [`unix:${folder}/no.qmp`, `unix:${folder}/no.gdb`];
    for (const [options, endpoint] of [
      [{ qmp }, qmp],
      [{ gdb }, gdb],
      [{ qmp, gdb }, qmp],
    ] as const) {
      const refusal = await expectRejection(attach({ ...PLAIN, ...options }));
      expect(refusal).not.to.be.instanceOf(GuestUsageError);
      expect(refusal.message).to.include(endpoint);
    }
  });
});
