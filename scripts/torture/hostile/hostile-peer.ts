import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../rig/patience.ts';
import { stubOf, type TortureGuest } from '../rig/torture-guest.ts';
import { TortureError } from '../torture-error.ts';

/** Seen from dist/scripts/torture/hostile, where this file runs. */
const PROGRAM = fileURLToPath(new URL('peer-main.js', import.meta.url));
/** The user without rights of most systems. */
const STRANGER = 65534;
const START_MS = 30_000;

/** What a peer heard of its client. */
export interface Heard {
  readonly at: number;
  readonly qmp?: string;
  readonly hmp?: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly gdb?: string;
  readonly ready?: boolean;
}

/** Whether peers can be of another user than this process: only root may start them. */
export function canBeStranger(): boolean {
  return process.getuid?.() === 0;
}

/** A place where peers live: a directory that belongs to another user, with a program in it that looks like QEMU. */
export class PeerHome implements Disposable {
  readonly directory: string;
  /** Node, by a name that has "qemu" in it. */
  readonly program: string;
  readonly owner: number | undefined = canBeStranger() ? STRANGER : undefined;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'torture-peer-'));
    chmodSync(this.directory, 0o755);
    const programs = join(this.directory, 'bin');
    mkdirSync(programs);
    this.program = join(programs, 'qemu-system-x86_64');
    try {
      linkSync(process.execPath, this.program);
    } catch {
      copyFileSync(process.execPath, this.program);
    }
  }

  /** A new directory that the peer owns. */
  place(name: string): string {
    const path = mkdtempSync(join(this.directory, `${name}-`));
    chmodSync(path, 0o755);
    if (this.owner !== undefined) chownSync(path, this.owner, this.owner);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A running peer. */
export class HostilePeer implements AsyncDisposable {
  readonly endpoint: string;
  readonly gdbEndpoint: string;
  readonly directory: string;
  readonly heard: Heard[] = [];
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.directory = directory;
    this.endpoint = `unix:${join(directory, 'qmp')}`;
    this.gdbEndpoint = `unix:${join(directory, 'gdb')}`;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#said + text).split('\n');
      this.#said = lines.pop() ?? '';
      for (const line of lines) this.heard.push(JSON.parse(line) as Heard);
    });
  }

  static async start(
    home: PeerHome,
    guest: TortureGuest,
    lie: string,
    facts: Readonly<Record<string, string | number>>,
    directory = home.place('peer'),
  ): Promise<HostilePeer> {
    const orders = {
      lie,
      qmpPath: join(directory, 'qmp'),
      realQmp: guest.qmpPath,
      realGdb: stubOf(guest),
      facts: { directory, gdbPath: join(directory, 'gdb'), ...facts },
    };
    const child = spawn(home.program, [PROGRAM, JSON.stringify(orders)], {
      cwd: directory,
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(home.owner === undefined ? {} : { uid: home.owner, gid: home.owner }),
    });
    const peer = new HostilePeer(child, directory);
    if ((await eventually(() => peer.heard.some(({ ready }) => ready === true), START_MS)) === undefined) {
      await peer[Symbol.asyncDispose]();
      throw new TortureError('a hostile peer did not start');
    }
    return peer;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await eventually(() => this.#child.exitCode !== null || this.#child.signalCode !== null, START_MS);
  }
}
