/**
 * The rooms of each layer, from the one that knows nothing to the one that may know all: a room imports from itself and from those
 * before it. A folder that is not named here belongs to the nearest folder above it that is. What lies in the layer's own folder
 * comes last, and `errors.ts` first, unless they are named.
 */
export const ROOM_ORDERS: Readonly<Record<string, readonly string[]>> = {
  'protocols/transport': [
    'printable-text.ts',
    'errors.ts',
    'endpoint.ts',
    'socket-file.ts',
    'byte-stream.ts',
    'abandon-signal.ts',
    'connection.ts',
    'connect-options.ts',
    'socket',
    'exec',
  ],
  'protocols/gdb': ['hex.ts', 'errors.ts', 'packets', 'target-description', 'commands', 'session'],
  'protocols/qmp': ['monitor-text', 'device-state', 'executor.ts', 'commands'],
  'src/paging': ['format-hex.ts', 'as-answer.ts', 'rules', 'walk', 'nested', 'enumerate', 'memory-type', 'space'],
  'src/abi': ['hypercall'],
  'src/guest': [
    'source-names.ts',
    'errors.ts',
    'device-state',
    'peer',
    'restore',
    'monitor',
    'stub',
    'link',
    'memory',
    'memory/host',
    'vcpu',
    'walks',
    'answers',
    'source',
    'qemu',
  ],
  'src/report': ['style.ts', 'words', 'reasons', 'assumed', 'translation', 'state', 'hypercall', 'map'],
  'src/cli': [
    'options',
    'completion',
    'io',
    'session',
    'commands/state',
    'commands/translate',
    'commands/hv-translate',
    'commands/map',
    'commands/diff',
    'commands/restore',
  ],
};
