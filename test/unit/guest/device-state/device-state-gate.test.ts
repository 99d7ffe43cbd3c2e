import { expect } from 'chai';
import { QmpClient } from '../../../../protocols/qmp/index.ts';
import { DeviceStateGate } from '../../../../src/guest/device-state/device-state-gate.ts';
import { DeviceStateObstacle } from '../../../../src/guest/device-state/device-state-obstacle.ts';
import { formatCause } from '../../../../src/report/index.ts';
import { FakeQmpServer, GREETING } from '../../../support/fakes/fake-qmp-server.ts';

const TREE = `/ (container)
  /chardevs (container)
    /monitor0 (chardev-unheard-of)
  /machine (pc-i440fx-7.2-machine)
    /peripheral (container)
      /disk0 (virtio-blk-pci)
        /virtio-backend (virtio-blk-device)
    /peripheral-anon (container)
    /unattached (container)
      /device[0] (max-x86_64-cpu)
        /lapic (apic)
  /objects (container)
    /pc.ram (memory-backend-ram)
`;

interface Machine {
  status: string;
  migration: object;
  peripheral: string;
  tree: string;
}

const SAFE: Machine = {
  status: 'paused',
  migration: {},
  peripheral: 'type (string)\ndisk0 (child<virtio-blk-pci>)\n',
  tree: TREE,
};

/** A QEMU that answers by what is in `machine` at that time, and the commands that it got. */
async function open(machine: Machine, version?: string): Promise<{ gate: DeviceStateGate; asked: string[] }> {
  const server = new FakeQmpServer();
  const asked: string[] = [];
  server.sayLine(version === undefined ? GREETING : GREETING.replace('"minor": 2, "major": 7', version));
  const client = await QmpClient.connect(server.connection);
  const serve = async () => {
    for (let count = 1; ; count++) {
      const request = (await server.received(count))[count - 1];
      if (request === undefined) return;
      const line = request.arguments?.['command-line'];
      asked.push(typeof line === 'string' ? line : request.execute);
      server.reply(request, typeof line === 'string' ? print(line, machine) : answer(request.execute, machine));
    }
  };
  void serve();
  return { gate: new DeviceStateGate(client), asked };
}

function answer(command: string, { status, migration }: Machine): unknown {
  if (command === 'query-status') return { status, running: status === 'running' };
  return command === 'query-migrate' ? migration : {};
}

/** As the human monitor does. */
function print(line: string, { peripheral, tree }: Machine): string {
  const text =
    line === 'info qom-tree /' ? tree : line === 'qom-list /machine/peripheral' ? peripheral : 'type (string)\n';
  return text.replaceAll('\n', '\r\n');
}

const SAVE = 'xen-save-devices-state';
const TREE_COMMAND = 'info qom-tree /';
const LISTS = ['/machine/peripheral', '/machine/peripheral-anon', '/objects'].map((path) => `qom-list ${path}`);

/** Why the state is not saved; '' when it is. In the first case the command has not been sent. */
async function obstacleOf(machine: Partial<Machine>, version?: string): Promise<string> {
  const { gate, asked } = await open({ ...SAFE, ...machine }, version);
  return obstacleAt(gate, asked);
}

async function obstacleAt(gate: DeviceStateGate, asked: string[]): Promise<string> {
  const before = asked.length;
  const said = await gate.save('/file').then(
    () => '',
    (error: unknown) => {
      expect(error).to.be.instanceOf(DeviceStateObstacle);
      return formatCause((error as DeviceStateObstacle).obstacle);
    },
  );
  expect(asked.slice(before).includes(SAVE)).to.equal(said === '');
  return said;
}

describe('the device state', () => {
  it('is saved when nothing speaks against it', async () => {
    expect(await obstacleOf({})).to.equal('');
    expect(await obstacleOf({ migration: { status: 'completed' } })).to.equal('');
    expect(await obstacleOf({ status: 'prelaunch' }, '"minor": 0, "major": 10')).to.equal('');
  });

  it('is asked for with the machine known beforehand, in five questions', async () => {
    const { gate, asked } = await open({ ...SAFE });
    await gate.prepare();
    expect(asked.splice(0)).to.deep.equal([...LISTS, TREE_COMMAND]);
    await gate.save('/file');
    expect(asked).to.deep.equal(['query-status', 'query-migrate', ...LISTS, SAVE]);
  });

  it('is not saved with a device that QEMU names', async () => {
    const blocked = { 'blocked-reasons': ['non-migratable device: 0000:00:02.0/nvme'] };
    expect(await obstacleOf({ migration: blocked })).to.contain('would end QEMU, as device "0000:00:02.0/nvme" cannot');
    const other = { 'blocked-reasons': ['dump-guest-memory in progress\u001b[2J'] };
    expect(await obstacleOf({ migration: other })).to.contain(
      'would not migrate: "dump-guest-memory in progress\\u001b',
    );
  });

  it('is not saved with a device of a type that was not tried', async () => {
    const tree = TREE.replace('/device[0] (max-x86_64-cpu)', '/device[0] (vmbus-bridge)');
    expect(await obstacleOf({ tree })).to.contain('of type "vmbus-bridge" are not known to survive it');
    const object = TREE.replace('/pc.ram (memory-backend-ram)', '/dbus0 (dbus-vmstate)');
    expect(await obstacleOf({ tree: object })).to.contain('"dbus-vmstate"');
    const machine = TREE.replace('pc-i440fx-7.2-machine', 'xenfv-4.2-machine');
    expect(await obstacleOf({ tree: machine })).to.contain('"xenfv-4.2-machine"');
  });

  it('is not saved with a type that only a newer QEMU was tried with', async () => {
    const tree = TREE.replace('virtio-blk-pci', 'igb');
    expect(await obstacleOf({ tree })).to.contain('"igb"');
    expect(await obstacleOf({ tree }, '"minor": 2, "major": 9')).to.contain('"igb"');
    expect(await obstacleOf({ tree }, '"minor": 0, "major": 10')).to.equal('');
    expect(await obstacleOf({}, '"minor": 1, "major": 7')).to.contain('was not tried with QEMU 7.1');
    expect(await obstacleOf({}, '"minor": 2, "major": 6')).to.contain('was not tried with QEMU 6.2');
  });

  it('names three of many types', async () => {
    const devices = ['a', 'b', 'c', 'd', 'e'].map((type) => `      /dev (${type})\n`).join('');
    const tree = TREE.replace('      /device[0]', `${devices}      /device[0]`);
    expect(await obstacleOf({ tree })).to.contain('"a", "b", "c" and 2 more');
  });

  it('is not saved in the midst of a migration, nor in a run state of one', async () => {
    for (const status of ['active', 'setup', 'postcopy-active', 'colo', 'cancelling']) {
      expect(await obstacleOf({ migration: { status } })).to.contain(`a migration is under way ("${status}")`);
    }
    for (const status of ['running', 'suspended', 'inmigrate', 'finish-migrate', 'postmigrate', 'save-vm']) {
      expect(await obstacleOf({ status })).to.contain(`not safe in the run state "${status}"`);
    }
  });

  it('is not saved once a device has come that was not tried, and is when it has gone', async () => {
    const machine = { ...SAFE };
    const { gate, asked } = await open(machine);
    await gate.prepare();
    expect(await obstacleAt(gate, asked)).to.equal('');
    machine.peripheral = `disk1 (child<virtio-sound-pci>)\n${SAFE.peripheral}`;
    machine.tree = TREE.replace('      /disk0', '      /disk1 (virtio-sound-pci)\n      /disk0');
    expect(await obstacleAt(gate, asked)).to.contain('virtio-sound-pci');
    Object.assign(machine, SAFE);
    expect(await obstacleAt(gate, asked)).to.equal('');
    asked.splice(0);
    expect(await obstacleAt(gate, asked)).to.equal('');
    expect(asked).not.to.include(TREE_COMMAND);
  });

  it('is asked for by a way that is sooner than QMP, where there is one, and not saved with a device that shows there', async () => {
    const { gate, asked } = await open({ ...SAFE });
    await gate.prepare();
    asked.splice(0);
    const sooner: string[] = [];
    let plugged = 'disk0 (child<virtio-blk-pci>)\ntype (string)\n';
    const hmp = async (command: string): Promise<string> => {
      sooner.push(command);
      if (command === TREE_COMMAND) return TREE;
      return command.endsWith('peripheral') ? plugged : 'type (string)\n';
    };
    await gate.save('/file', hmp);
    expect(sooner).to.deep.equal(LISTS);
    expect(asked.splice(0)).to.deep.equal(['query-status', 'query-migrate', SAVE]);
    // What has come since is looked at anew.
    plugged += 'disk1 (child<virtio-blk-pci>)\n';
    sooner.splice(0);
    await gate.save('/file', hmp);
    expect(sooner).to.deep.equal([...LISTS, ...LISTS, TREE_COMMAND]);
    expect(asked).to.deep.equal(['query-status', 'query-migrate', SAVE]);
  });

  it('is not saved by a monitor that lists nothing, whose answer would be the same with any device', async () => {
    for (const peripheral of ["unknown command: 'qom-list'\n", "Error: Device '/machine/peripheral' not found\n", '']) {
      const { gate, asked } = await open({ ...SAFE });
      await gate.prepare();
      const error = await gate
        .save('/file', async () => peripheral)
        .then(
          () => undefined,
          (failure: unknown) => failure,
        );
      expect(String(error)).to.contain(`qom-list answered "${peripheral.trim()}"`);
      expect(asked).not.to.include(SAVE);
    }
  });

  for (const tree of ['unknown command: qom-tree', '', 'type (string)\n']) {
    it(`is not saved when the machine cannot be understood, whichever way it was asked for: ${JSON.stringify(tree)}`, async () => {
      const hmp = async (command: string): Promise<string> => (command === TREE_COMMAND ? tree : 'type (string)\n');
      for (const way of [undefined, hmp]) {
        const { gate, asked } = await open({ ...SAFE, tree });
        await gate.prepare();
        const error = await gate.save('/file', way).then(
          () => undefined,
          (failure: unknown) => failure,
        );
        expect(error)
          .to.have.property('code')
          .that.matches(/^ERR_QMP_/);
        expect(asked).not.to.include(SAVE);
      }
    });
  }

  it('is written where it is told, once, and refused in words that say why', async () => {
    const { gate, asked } = await open({ ...SAFE, status: 'running' });
    const error = await gate.save('/file').then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).to.be.instanceOf(DeviceStateObstacle);
    expect(error).to.deep.include({
      code: 'ERR_GUEST_DEVICE_STATE',
      message: 'QEMU is not asked for its device state: unsafe-run-state',
    });
    expect((error as DeviceStateObstacle).obstacle).to.deep.include({ code: 'unsafe-run-state', status: 'running' });
    expect(asked.filter((command) => command === SAVE)).to.deep.equal([]);
  });

  it('is saved in each state in which every device was told, and in no other', async () => {
    for (const status of [
      'prelaunch',
      'paused',
      'debug',
      'io-error',
      'watchdog',
      'guest-panicked',
      'internal-error',
      'shutdown',
    ]) {
      expect(await obstacleOf({ status }), status).to.equal('');
    }
    for (const status of ['restore-vm', 'colo', 'paused-x'])
      expect(await obstacleOf({ status }), status).not.to.equal('');
  });

  it('looks at the state first, then at migrations, then at what the machine is made of', async () => {
    const tree = TREE.replace('/device[0] (max-x86_64-cpu)', '/device[0] (vmbus-bridge)');
    const blocked = { 'blocked-reasons': ['non-migratable device: a', 'b'] };
    const active = { status: 'active', ...blocked };
    const causeOf = async (machine: Partial<Machine>, version?: string) => {
      const { gate } = await open({ ...SAFE, ...machine }, version);
      return gate.save('/file').then(
        () => null,
        (error: unknown) => (error as DeviceStateObstacle).obstacle,
      );
    };
    expect(await causeOf({ status: 'running', migration: active, tree }, '"minor": 1, "major": 7')).to.deep.equal({
      code: 'untried-qemu',
      version: '7.1',
    });
    expect(await causeOf({ status: 'running', migration: active, tree })).to.deep.equal({
      code: 'unsafe-run-state',
      status: 'running',
    });
    expect(await causeOf({ migration: active, tree })).to.deep.equal({ code: 'migrating', status: 'active' });
    expect(await causeOf({ migration: blocked, tree })).to.deep.equal({ code: 'non-migratable', device: 'a' });
    expect(await causeOf({ migration: { 'blocked-reasons': ['b', 'non-migratable device: a'] }, tree })).to.deep.equal({
      code: 'migration-blocked',
      blocker: 'b',
    });
    expect(await causeOf({ tree })).to.deep.equal({ code: 'untried-devices', types: ['vmbus-bridge'] });
    expect(await causeOf({})).to.equal(null);
    expect(await causeOf({}, '"minor": 2, "major": 7')).to.equal(null);
    expect(await causeOf({}, '"minor": 0, "major": 8')).to.equal(null);
  });

  it('does not count what is outside of the machine and its objects, but all that is in them', async () => {
    const beside = TREE.replace('/chardevs (container)', '/machinery (vmbus-bridge)');
    expect(await obstacleOf({ tree: beside })).to.equal('');
    const objects = TREE.replace('/objects (container)', '/objects (vmbus-bridge)');
    expect(await obstacleOf({ tree: objects })).to.contain('"vmbus-bridge"');
    const once = TREE.replace('/disk0 (virtio-blk-pci)', '/disk0 (one)').replace('/lapic (apic)', '/lapic (one)');
    expect(await obstacleOf({ tree: once })).to.contain('of type "one" are not known');
  });

  it('is asked for again where the machine could not be read beforehand', async () => {
    const machine = { ...SAFE, peripheral: 'Error: not yet\n' };
    const { gate, asked } = await open(machine);
    await gate.prepare();
    expect(asked.splice(0)).not.to.include(TREE_COMMAND);
    machine.peripheral = SAFE.peripheral;
    await gate.prepare();
    expect(asked.splice(0), 'it is known that it failed').to.deep.equal([]);
    expect(await obstacleAt(gate, asked)).to.equal('');
    expect(asked).to.include(TREE_COMMAND);
  });

  it('is known by the order of nothing: the lists of what is plugged in are compared sorted', async () => {
    const machine = { ...SAFE };
    const { gate, asked } = await open(machine);
    await gate.prepare();
    machine.peripheral = 'disk0 (child<virtio-blk-pci>)\ntype (string)\n';
    asked.splice(0);
    expect(await obstacleAt(gate, asked)).to.equal('');
    expect(asked).not.to.include(TREE_COMMAND);
  });
});
