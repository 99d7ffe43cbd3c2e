import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { PrivateDirectory } from '../../../../src/guest/restore/private-directory.ts';
import { Safekeeping } from '../../../../src/guest/restore/safekeeping.ts';
import { OwnStub } from '../../../../src/guest/stub/own-stub.ts';
import { expectRejection } from '../../../support/expect-rejection.ts';
import type { FakeQemu } from '../../../support/fakes/machine/fake-qemu.ts';
import { type HeldJournal, useFakeQemus } from '../../../support/fakes/machine/use-fake-qemus.ts';

/** What QEMU's options and the monitor would take for an end, each, and how it is written to them. */
const FOLDER = String.raw`a,b"c\d e`;
const WRITTEN = String.raw`a,,b\"c\\d e`;

describe('a stub that we start', () => {
  const machines = useFakeQemus();
  let machine: FakeQemu;
  let qmp: QmpClient;
  let safekeeping: Safekeeping;
  let directory: PrivateDirectory;
  let journal: HeldJournal;

  /** @param says - what the machine answers to a command; undefined: as usual */
  async function prepare(says: (command: string) => unknown = () => undefined): Promise<void> {
    machine = await machines.start({ hasNoStub: true, monitor: says });
    qmp = await QmpClient.connect(machine.qmpEndpoint);
    safekeeping = new Safekeeping({ endpoint: machine.qmpEndpoint, enabled: true });
    await safekeeping.arm({});
    const inQemu = machines.file(FOLDER);
    directory = PrivateDirectory.make({ path: `/proc/self/root${inQemu}`, inQemu, room: 'room' }, undefined);
    journal = machines.holdJournal();
    expect(journal.takePlans()).to.deep.equal([{}]);
  }

  const start = (): Promise<OwnStub> => OwnStub.start(qmp, safekeeping, directory);
  const chardev = (filename: string) => [{ label: 'gdb', filename, 'frontend-open': true }];

  afterEach(async () => {
    await qmp.close();
    await safekeeping.disarm();
  });

  it('listens in a folder that both have, is known before it is there, and is taken away', async () => {
    const known: unknown[] = [];
    await prepare((command) => {
      if (command.startsWith('hmp gdbserver "')) known.push(...journal.takePlans());
      return undefined;
    });
    const stub = await start();
    expect(machine.takeAsked()).to.deep.equal([
      `hmp gdbserver "unix:${machines.file(WRITTEN)}/room/gdb,server=on,wait=off"`,
    ]);
    expect(known).to.deep.equal([{ ownStub: true }]);
    expect(journal.takePlans()).to.deep.equal([]);
    const path = machines.file(`${FOLDER}/room/gdb`);
    expect(stub.endpoint).to.equal(`unix:/proc/self/root${path.replace(',', ',,')}`);
    expect(existsSync(path)).to.equal(true);
    await stub.remove();
    expect(machine.takeAsked()).to.deep.equal(['query-chardev', 'hmp gdbserver none']);
    await stub.remove();
    expect(machine.takeAsked(), 'it is gone').to.deep.equal(['query-chardev']);
  });

  it('is another client’s where another is in its place, and stays', async () => {
    let devices: unknown;
    await prepare((command) => (command === 'query-chardev' ? devices : undefined));
    const stub = await start();
    machine.takeAsked();
    devices = chardev('disconnected:unix:/run/other,server=on');
    await stub.remove();
    expect(machine.takeAsked()).to.deep.equal(['query-chardev']);
    devices = chardev('something of which no one knows where it is');
    await stub.remove();
    expect(machine.takeAsked()).to.deep.equal(['query-chardev', 'hmp gdbserver none']);
  });

  for (const [what, says, told] of [
    [
      'it cannot',
      'Failed to bind socket\r\nCould not open gdbserver\r\n',
      'Failed to bind socket; Could not open gdbserver',
    ],
    ['there is one', 'duplicate yank instance\r\n', 'exists'],
  ] as const) {
    it(`is none where QEMU says that ${what}, and then there is nothing to take away`, async () => {
      await prepare((command) => (command.startsWith('hmp gdbserver') ? says : undefined));
      const error = await expectRejection(start());
      expect(error).to.include({ code: 'ERR_GUEST_STUB_START', stub: directory.pathInQemu('gdb') });
      expect(error.message).to.equal(`QEMU: ${told}`);
      expect(journal.takePlans()).to.deep.equal([{ ownStub: true }, { ownStub: false }]);
      expect(machine.takeAsked()).to.have.length(1);
    });
  }

  it('is taken away again where we have no access to it', async () => {
    await prepare((command) => {
      if (command === 'query-chardev') return chardev(`disconnected:unix:${directory.pathInQemu('gdb')},server=on`);
      return command.startsWith('hmp gdbserver "') ? "Waiting for gdb connection on device 'x'\r\n" : undefined;
    });
    const error = await expectRejection(start());
    expect(error).to.include({ code: 'ERR_GUEST_STUB_START', stub: directory.pathInQemu('gdb') });
    const path = directory.pathOf('gdb').replace('\\', '\\\\');
    expect(error.message.replaceAll('\\\\', '\\')).to.equal(
      `QEMU's socket is closed to us: ENOENT: no such file or directory, access '${path.replaceAll('\\\\', '\\')}'`,
    );
    expect(machine.takeAsked().slice(1)).to.deep.equal(['query-chardev', 'hmp gdbserver none']);
    expect(journal.takePlans()).to.deep.equal([{ ownStub: true }, { ownStub: false }]);
  });
});
