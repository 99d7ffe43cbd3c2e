import { expect } from 'chai';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { LateProxy } from '../../support/live/peer/late-proxy.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';

const { address } = kernelPage(KERNELS.long4, 'rw');
const ADDRESS = `0x${address.toString(16)}`;
/** What pauses a guest, or may. */
const COMMANDS = [
  ['translate', ADDRESS],
  ['translate', ADDRESS, '--write', '--set-accessed', '--set-dirty'],
  ['state'],
  ['map'],
  ['find', '0x120123'],
  ['diff', '--after=10'],
  ['hv-translate', ADDRESS, '--validate=r'],
  ['symbols'],
  ['ps'],
  ['watch', `--range=${ADDRESS}-${ADDRESS}`, '--clear', '--rounds=1'],
];

/*
 * QEMU's monitor of one guest, and the stub of another by mistake: what is asked of both would be told of neither, and each is paused by its
 * own means.
 */
describe('the GDB stub of another guest than the one that is named', function () {
  this.timeout(120_000);

  let named: QemuProcess;
  let other: QemuProcess;
  let witnesses: readonly [Witness, Witness];

  before(async () => {
    named = await launchKernel('long4');
    other = await launchKernel('long4');
    witnesses = [await Witness.of(named), await Witness.of(other)];
  });

  after(async () => {
    for (const witness of witnesses) await witness[Symbol.asyncDispose]();
    await named.stop();
    await other.stop();
  });

  async function setStates(states: readonly string[]): Promise<void> {
    for (const [index, witness] of witnesses.entries())
      await witness.execute(states[index] === 'running' ? 'cont' : 'stop');
  }

  async function runStates(): Promise<readonly string[]> {
    return Promise.all(witnesses.map((witness) => witness.runState()));
  }

  const refusal = /^pagewalk: the GDB stub at .* is not that of the guest that was named: /m;

  for (const words of COMMANDS) {
    it(
      `is not touched, nor is the guest: ${words.slice(0, 1).join(' ')} ${words.slice(2).join(' ')}`.trim(),
      async () => {
        await setStates(['running', 'running']);
        const stops = witnesses.map((witness) => witness.stops);
        const { status, stderr } = await runPagewalk([
          ...words,
          `--qmp=${named.qmpEndpoint}`,
          `--gdb=${other.gdbEndpoint}`,
        ]);
        expect(stderr)
          .to.match(refusal)
          .and.match(/QEMU \d+ listens there, and QEMU \d+ is behind .*\. Nothing was touched/);
        expect(status).to.equal(3);
        expect(await runStates()).to.deep.equal(['running', 'running']);
        expect(witnesses.map((witness) => witness.stops)).to.deep.equal(stops);
      },
    );
  }

  it('is not touched to put back what a client has left: that is asked of the monitor', async () => {
    const { stdout, status } = await runPagewalk([
      'restore',
      `--qmp=${named.qmpEndpoint}`,
      `--gdb=${other.gdbEndpoint}`,
    ]);
    expect({ stdout, status }).to.deep.equal({ stdout: 'nothing to put back\n', status: 0 });
    expect(await runStates()).to.deep.equal(['running', 'running']);
  });

  it('is not touched where the guest that is named has no stub, by whatever way the other one’s is reached', async () => {
    await using bare = await launchKernel('long4', { gdb: false });
    await using witness = await Witness.of(bare);
    await using way = await LateProxy.before(other.gdbEndpoint);
    const { stops } = witnesses[1];
    const { status, stderr } = await runPagewalk(['state', `--qmp=${bare.qmpEndpoint}`, `--gdb=${way.endpoint}`]);
    expect(stderr).to.match(refusal).and.contain('has no GDB stub. Nothing was touched');
    expect(status).to.equal(3);
    expect(await witness.runState()).to.equal('running');
    expect(await runStates()).to.deep.equal(['running', 'running']);
    expect([witness.stops, witnesses[1].stops]).to.deep.equal([0, stops]);
  });

  describe('behind a proxy', () => {
    for (const states of [
      ['running', 'running'],
      ['paused', 'running'],
      ['running', 'paused'],
      ['paused', 'paused'],
    ]) {
      it(`is left as it was found, and so is the guest: ${states.join(' and ')}`, async () => {
        await setStates(states);
        await using way = await LateProxy.before(other.gdbEndpoint);
        const { status, stderr } = await runPagewalk([
          ...['translate', ADDRESS],
          ...[`--qmp=${named.qmpEndpoint}`, `--gdb=${way.endpoint}`],
        ]);
        expect(stderr).to.match(refusal).and.contain('has one that serves no one');
        expect(status).to.equal(3);
        const tells = await witnesses[1].isUpTo([8, 0]);
        // A later QEMU does not tell whether it was the connection that paused the guest: that is said.
        if (!tells) expect(stderr).to.contain('which has been resumed, if it ran before: this QEMU does not tell');
        expect(await runStates()).to.deep.equal(tells ? states : [states[0], 'running']);
      });
    }
  });
});
