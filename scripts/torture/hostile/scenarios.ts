import type { HostilePeer } from './hostile-peer.ts';
import type { HostileRig, HostileScenario } from './hostile-scenario.ts';
import { BOMBS } from './lies/bombs.ts';
import { DEVICE_STATES } from './lies/named-files.ts';
import { LURE } from './lies/secret-tables.ts';
import { STALLS } from './lies/stalls.ts';
import { controlCharacters } from './lies/words.ts';

/** Where the other guest's secret is, in its RAM, with a page before it that everybody knows. */
const SECRET_IN_OTHER = 0x1800000;
const PAGE = 4096;
const STATE = ['state'];
const MAP = ['map', '--summary'];
const TRANSLATE = ['translate', '0x8000000000', '--user'];

function leaked({ treasure }: HostileRig, { heard }: HostilePeer): readonly string[] {
  const addresses = heard.flatMap(({ gdb }) => {
    const address = /^m([0-9a-f]+),/.exec(gdb ?? '')?.[1];
    return address === undefined ? [] : [Number.parseInt(address, 16)];
  });
  const pieces = treasure.piecesIn([...new Set(addresses)].filter((address) => address >= LURE));
  return pieces < 2 ? [] : [`${pieces} pieces of the secret reached the peer`];
}

function namedFile(name: string, path: (rig: HostileRig) => string): HostileScenario {
  return {
    name: `backing file: ${name}`,
    lie: 'backing-file',
    words: MAP,
    reach: 'QMP and the stub',
    facts: async (rig) => ({ memPath: path(rig) }),
    untouchable: (rig) => [path(rig)],
  };
}

function namedSocket(name: string, filename: (rig: HostileRig) => string): HostileScenario {
  return {
    name: `stub elsewhere: ${name}`,
    lie: 'stub-elsewhere',
    words: STATE,
    reach: 'QMP',
    facts: async (rig) => ({ filename: filename(rig) }),
    untouchable: ({ treasure }) => [treasure.socketPath],
  };
}

function deviceState(lie: string, name: string, target: (rig: HostileRig) => string = () => ''): HostileScenario {
  return {
    name: `device state: ${name}`,
    lie,
    words: STATE,
    reach: 'QMP and the stub',
    facts: async (rig) => ({ target: target(rig) }),
    leavesFilesOfThePeer: true,
  };
}

function each(
  lies: Readonly<Record<string, unknown>>,
  prefix: string,
  words: readonly string[],
): readonly HostileScenario[] {
  return Object.keys(lies).map((lie) => ({
    name: `${prefix}: ${lie}`,
    lie,
    words,
    takesTime: prefix === 'stall',
    reach: lie.startsWith('gdbserver') || lie.startsWith('chardev') ? 'QMP' : 'QMP and the stub',
  }));
}

/** Everything that a hostile peer is known to try. */
export const HOSTILE_SCENARIOS: readonly HostileScenario[] = [
  {
    name: 'tables in a file of root',
    lie: 'secret-tables',
    words: MAP,
    reach: 'QMP and the stub',
    facts: async ({ treasure }) => ({
      memPath: treasure.secretPath,
      knownPage: treasure.knownPage.toString('base64'),
    }),
    untouchable: ({ treasure }) => [treasure.secretPath],
    judge: leaked,
  },
  {
    name: 'tables in a file of root, behind a link',
    lie: 'secret-tables',
    words: MAP,
    reach: 'QMP and the stub',
    facts: async ({ treasure }) => ({ memPath: treasure.linkPath, knownPage: treasure.knownPage.toString('base64') }),
    untouchable: ({ treasure }) => [treasure.linkPath],
    judge: leaked,
  },
  {
    name: 'tables in the memory of another guest',
    lie: 'secret-tables',
    words: MAP,
    reach: 'QMP and the stub',
    facts: async ({ other, treasure }) => {
      other.pages?.write(SECRET_IN_OTHER - PAGE, Buffer.concat([treasure.knownPage, treasure.secret]));
      const said = await other.monitor.hmp(`gpa2hva ${SECRET_IN_OTHER - PAGE}`);
      return {
        thread: other.qemu.pid,
        hostAddress: Number(/ is (0x[0-9a-f]+)/.exec(said)?.[1]),
        knownPage: treasure.knownPage.toString('base64'),
      };
    },
    untouchable: ({ other }) => [`/proc/${other.qemu.pid}/mem`],
    judge: leaked,
  },
  namedFile('a FIFO', ({ treasure }) => treasure.fifoPath),
  namedFile('/dev/zero', () => '/dev/zero'),
  namedFile('the memory of the client', () => '/proc/self/mem'),
  namedFile('its environment', () => '/proc/self/environ'),
  namedFile('a directory', ({ treasure }) => treasure.victimDirectory),
  deviceState('device-state-link', 'a link to a file of root', ({ treasure }) => treasure.secretPath),
  deviceState('device-state-link', 'a link to a FIFO', ({ treasure }) => treasure.fifoPath),
  deviceState('device-state-link', 'a link to /dev/zero', () => '/dev/zero'),
  deviceState('device-state-link', 'a link to itself in /proc', () => '/proc/self/environ'),
  deviceState('device-state-hard-link', 'a hard link to a file of root', ({ treasure }) => treasure.secretPath),
  deviceState('device-state-directory', 'a directory'),
  deviceState('device-state-socket', 'a socket'),
  deviceState('device-state-sparse', 'a terabyte of nothing'),
  deviceState('device-state-open', 'empty'),
  {
    name: 'a directory swapped while it is removed',
    lie: 'swapped-directory',
    words: STATE,
    reach: 'QMP and the stub',
    facts: async ({ treasure }) => ({
      victimDirectory: treasure.victimDirectory,
      victims: treasure.victims.join(','),
    }),
    leavesFilesOfThePeer: true,
    takesTime: true,
  },
  namedSocket('a socket of root', ({ treasure }) => `disconnected:unix:${treasure.socketPath},server=on`),
  namedSocket(
    'a port of another program',
    ({ treasurePort }) => `disconnected:tcp:127.0.0.1:${treasurePort},server=on`,
  ),
  namedSocket('a command', ({ treasure }) => `disconnected:exec:touch ${treasure.commandCanary}`),
  namedSocket(
    'a command behind a socket',
    ({ treasure }) => `disconnected:unix:exec:touch ${treasure.commandCanary},server=on`,
  ),
  {
    name: 'a stub that is a link to a socket of root',
    lie: 'linked-stub',
    words: STATE,
    reach: 'QMP',
    facts: async ({ treasure }) => ({ target: treasure.socketPath }),
    untouchable: ({ treasure }) => [treasure.socketPath],
    leavesFilesOfThePeer: true,
  },
  ...each(DEVICE_STATES, 'translation, device state', TRANSLATE)
    .filter(({ lie }) => lie === 'device-state-sparse' || lie === 'device-state-socket')
    .map((scenario) => ({ ...scenario, leavesFilesOfThePeer: true })),
  ...each(BOMBS, 'bomb', MAP),
  ...each(STALLS, 'stall', MAP),
  ...each(controlCharacters, 'words', STATE).map((scenario) => ({ ...scenario, reach: 'QMP' as const })),
];
