import {
  isMigrating,
  type MigrationInfo,
  parseQomTree,
  type QmpClient,
  queryMigrate,
  queryStatus,
  saveDevicesState,
} from '../../../protocols/qmp/index.ts';
import { formatPrintable, printableText } from '../../../protocols/transport/internal.ts';
import type { QemuVersion } from '../../paging/index.ts';
import type { DeviceStateCause } from '../causes/device-state-cause.ts';
import { DeviceStateObstacle } from './device-state-obstacle.ts';
import { isHarmlessType, OLDEST_TRIED } from './harmless-types.ts';

/** Where all that can be plugged in at run time has its place (device_add, object-add). */
const PLACES = ['/machine/peripheral', '/machine/peripheral-anon', '/objects'];

/** Each object that has children lists its type as well; what does not is a complaint. */
const LISTED = /^type \(string\)$/m;

/** A command for the monitor; it begins at the root, as backends are not below /machine. */
const QOM_TREE = 'info qom-tree /';
const CHECKED = ['/machine', '/objects'];

/**
 * Paused in such a way that QEMU has told every device. Not `suspended`: QEMU 7.2 tells no device of it, and devices
 * assert that their vhost backends have been stopped (read in its sources); QEMU 10 is left in the state `save-vm`. Not
 * the states of a migration.
 */
const SAFE_RUN_STATES = new Set([
  'prelaunch',
  'paused',
  'debug',
  'io-error',
  'watchdog',
  'guest-panicked',
  'internal-error',
  'shutdown',
]);

const NON_MIGRATABLE = 'non-migratable device: ';

/** Takes a command of the human monitor. */
type Hmp = (command: string) => Promise<string>;

/** The device types of a machine that may end QEMU, and the plugged-in devices at the time when that was asked. */
interface Machine {
  readonly plugged: string;
  readonly untriedTypes: readonly string[];
}

/**
 * Sends `xen-save-devices-state`, but only when that is safe. QEMU saves whatever is there, also what has no way to be
 * saved, and ends then. So each type in the machine must be one that was seen to survive it, QEMU must name no obstacle
 * to a migration, and nothing must be under way that uses the same machinery.
 *
 * What a machine is made of is asked while the guest runs; in the pause there are only five short questions, sent
 * together. A device that another client adds in the moment between those and the command is not seen.
 *
 * @internal
 */
export class DeviceStateGate {
  readonly #qmp: QmpClient;
  readonly #hmp: Hmp = (command) => this.#qmp.hmp(command);
  #machine: Promise<Machine> | undefined;

  constructor(qmp: QmpClient) {
    this.#qmp = qmp;
  }

  /** Asks for what takes longest, which is good for the pause that comes. */
  async prepare(): Promise<void> {
    this.#machine ??= this.#readMachine(this.#hmp);
    // What went wrong shows when the state is asked for.
    await this.#machine.catch(() => {});
  }

  /**
   * @param file - on QEMU's side; truncated and written with QEMU's rights
   * @param hmp - hands QEMU's monitor a command sooner than QMP does, where there is such a way: the guest waits
   * @throws DeviceStateObstacle when it is not safe; nothing was sent then. QmpCommandError when QEMU cannot write
   * there.
   */
  async save(file: string, hmp: Hmp = this.#hmp): Promise<void> {
    const obstacle = await this.#findObstacle(hmp);
    if (obstacle !== undefined) throw new DeviceStateObstacle(obstacle);
    await saveDevicesState(this.#qmp, file);
  }

  async #findObstacle(hmp: Hmp): Promise<DeviceStateCause | undefined> {
    const { major, minor, micro } = this.#qmp.greeting.version.qemu;
    const version: QemuVersion = [major, minor, micro];
    if (isOlder(version, OLDEST_TRIED)) {
      return { code: 'untried-qemu', version: `${major}.${minor}` };
    }
    const [{ status }, migration, plugged] = await Promise.all([
      queryStatus(this.#qmp),
      queryMigrate(this.#qmp),
      listPlugged(hmp),
    ]);
    return (
      stateObstacle(status) ??
      migrationObstacle(migration) ??
      typeObstacle((await this.#machineWith(plugged, hmp)).untriedTypes)
    );
  }

  async #machineWith(plugged: string, hmp: Hmp): Promise<Machine> {
    const known = await this.#machine?.catch(() => undefined);
    if (known?.plugged === plugged) return known;
    this.#machine = this.#readMachine(hmp);
    return this.#machine;
  }

  async #readMachine(hmp: Hmp): Promise<Machine> {
    // In this order: what is plugged in between is missing from the list, and shows when the list is asked for again.
    const plugged = await listPlugged(hmp);
    const nodes = parseQomTree(await hmp(QOM_TREE));
    const { major, minor, micro } = this.#qmp.greeting.version.qemu;
    const checked = nodes.filter(({ path }) => CHECKED.some((place) => path === place || path.startsWith(`${place}/`)));
    const types = new Set(checked.map(({ type }) => type));
    return { plugged, untriedTypes: [...types].filter((type) => !isHarmlessType(type, [major, minor, micro])) };
  }
}

/** What is plugged in, to be compared with an earlier list and nothing else. */
async function listPlugged(hmp: Hmp): Promise<string> {
  const lists = await Promise.all(PLACES.map((path) => hmp(`qom-list ${path}`)));
  // A monitor without this command says the same each time.
  const refused = lists.find((list) => !LISTED.test(list));
  if (refused !== undefined) throw new Error(`qom-list answered ${formatPrintable(refused.trim())}`);
  return JSON.stringify(lists.map((list) => list.split('\n').sort()));
}

function isOlder([major, minor]: QemuVersion, [otherMajor, otherMinor]: QemuVersion): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

function stateObstacle(status: string): DeviceStateCause | undefined {
  return SAFE_RUN_STATES.has(status) ? undefined : { code: 'unsafe-run-state', status: printableText(status) };
}

function migrationObstacle(migration: MigrationInfo): DeviceStateCause | undefined {
  const { status, blockedReasons } = migration;
  if (isMigrating(migration)) return { code: 'migrating', status: printableText(status ?? '') };
  const [reason] = blockedReasons;
  if (reason === undefined) return undefined;
  return reason.startsWith(NON_MIGRATABLE)
    ? { code: 'non-migratable', device: printableText(reason.slice(NON_MIGRATABLE.length)) }
    : { code: 'migration-blocked', blocker: printableText(reason) };
}

function typeObstacle(types: readonly string[]): DeviceStateCause | undefined {
  return types.length === 0 ? undefined : { code: 'untried-devices', types: types.map((type) => printableText(type)) };
}
