import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How one is started. */
export interface LookAlikeOptions extends Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'> {
  /** Of its command line. */
  readonly words?: readonly string[];
  /** What it has open, as its descriptors from 3 on; this process has them, too. */
  readonly sockets?: readonly (Server | Socket)[];
}

/** A process that runs a program of any name, such as that of a QEMU: a shell, which waits for the end of its standard input. */
export class QemuLookAlike implements AsyncDisposable {
  readonly pid: number;
  readonly #process: ChildProcess;
  /** What is removed in the end. */
  #folder: string | undefined;

  private constructor(child: ChildProcess, pid: number) {
    this.#process = child;
    this.pid = pid;
  }

  /** A QEMU by its name, of another user: only root can do that. */
  static async startAs(
    uid: number,
    { isReadable = true, ...options }: LookAlikeOptions & { readonly isReadable?: boolean } = {},
  ): Promise<QemuLookAlike> {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-'));
    chmodSync(folder, 0o711);
    const program = join(folder, 'qemu-of-user');
    copyFileSync(realpathSync('/bin/sh'), program);
    // Into a program that may be run and not read the kernel does not let its user look.
    chmodSync(program, isReadable ? 0o755 : 0o711);
    const started = await QemuLookAlike.start(program, { ...options, uid, gid: uid });
    started.#folder = folder;
    return started;
  }

  /** @param program - where its program is going to be */
  static async start(
    program: string,
    { words = [], sockets = [], ...options }: LookAlikeOptions = {},
  ): Promise<QemuLookAlike> {
    if (!existsSync(program)) copyFileSync(realpathSync('/bin/sh'), program);
    const child = spawn(program, ['-c', 'read -r line', ...words], {
      ...options,
      argv0: 'sh',
      stdio: ['pipe', 'ignore', 'inherit', ...sockets.map(descriptorOf)],
    });
    await once(child, 'spawn');
    return new QemuLookAlike(child, Number(child.pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
    this.#folder = undefined;
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** Node has no name for it. */
function descriptorOf(socket: Server | Socket): number {
  return (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}
