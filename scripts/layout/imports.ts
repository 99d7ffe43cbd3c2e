import { findImports } from './rooms/find-imports.ts';
import type { Finding, SourceFile } from './source-file.ts';

/**
 * Who may use what leads out of this process. The transport owns sockets and `exec:` commands; the watchdog must outlive its
 * process; a test kit starts guests; `explore` serves a page; scripts and tests start programs.
 */
const MODULE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['protocols/transport/', 'scripts/torture/', 'test/'],
  'node:tls': ['protocols/transport/', 'scripts/torture/'],
  'node:dgram': [],
  'node:http': ['src/cli/commands/explore/', 'test/'],
  'node:https': [],
  'node:child_process': [
    'protocols/transport/',
    'src/guest/found/other-ends.ts',
    'src/guest/restore/watchdog.ts',
    'src/testing/',
    'scripts/',
    'test/',
  ],
};

/** Layers that the compiler lets each other see nothing of; `from` may not import from `to`. */
const STRANGERS: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'protocols/gdb/', to: 'protocols/qmp/' },
  { from: 'protocols/qmp/', to: 'protocols/gdb/' },
];

/** A layer is a folder one below these. */
const LAYER = /^((?:src|protocols)\/[^/]+)\//;
const DOOR_FILES = ['index.ts', 'internal.ts'] as const;

/** `node:net` and its like stay where they belong, `gdb` and `qmp` know nothing of each other, and layers are entered by their doors. */
export function checkImports(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) =>
    findImports(file).flatMap(({ specifier, target, line }) => {
      const problem = target === undefined ? judgeModule(file.path, specifier) : judgeLayers(file.path, target);
      return problem === undefined ? [] : [{ path: file.path, line, problem }];
    }),
  );
}

function judgeLayers(path: string, target: string): string | undefined {
  const strangers = STRANGERS.find(({ from, to }) => path.startsWith(from) && target.startsWith(to));
  if (strangers) return `${strangers.from} must not know ${strangers.to}`;
  return judgeDoor(path, target);
}

function judgeModule(path: string, specifier: string): string | undefined {
  const name = specifier.startsWith('node:') ? specifier : `node:${specifier}`;
  const owners = Object.hasOwn(MODULE_OWNERS, name) ? MODULE_OWNERS[name] : undefined;
  if (owners === undefined || owners.some((owner) => path.startsWith(owner))) return undefined;
  return `${specifier} is for ${owners.length === 0 ? 'no layer' : owners.join(', ')}`;
}

/** Its `index.ts` is for users too, its `internal.ts` for the other layers alone. Tests and scripts may look behind both. */
function judgeDoor(path: string, target: string): string | undefined {
  const from = LAYER.exec(path)?.[1];
  const to = LAYER.exec(target)?.[1];
  if (from === undefined || to === undefined || from === to || DOOR_FILES.some((file) => target === `${to}/${file}`)) {
    return undefined;
  }
  return `${to} is entered through its ${DOOR_FILES.join(' or ')}, not ${target}`;
}
