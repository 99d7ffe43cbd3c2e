import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const SSHD = '/usr/sbin/sshd';

/** An sshd on the loopback with keys of its own, which lets this user in alone. */
export class SshDaemon implements AsyncDisposable {
  /** What starts a command over it. */
  readonly command: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(process: ChildProcess, directory: string, command: string) {
    this.#process = process;
    this.#directory = directory;
    this.command = command;
  }

  static async start(): Promise<SshDaemon> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-ssh-'));
    const [host, client] = [join(directory, 'host'), join(directory, 'client')];
    for (const file of [host, client]) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    await copyFile(`${client}.pub`, join(directory, 'authorized'));
    // Debian's needs it, and has it made by its service.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    const options = [
      ...[`ListenAddress=127.0.0.1`, `HostKey=${host}`, `AuthorizedKeysFile=${directory}/authorized`],
      ...['StrictModes=no', 'UsePAM=no', 'PidFile=none', 'PermitRootLogin=yes', 'PasswordAuthentication=no'],
    ];
    const { daemon, port } = await listen(options);
    const known = `-o StrictHostKeyChecking=no -o UserKnownHostsFile=${directory}/known -o LogLevel=ERROR`;
    const command = `ssh -F /dev/null -i ${client} -p ${port} ${known} ${userInfo().username}@127.0.0.1`;
    return new SshDaemon(daemon, directory, command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    await rm(this.#directory, { recursive: true });
  }
}

/** A port that was free may be another's a moment later, of which sshd says so and ends. */
async function listen(options: readonly string[], tries = 5): Promise<{ daemon: ChildProcess; port: number }> {
  const port = await freePort();
  const words = ['-D', '-e', '-f', '/dev/null', ...[`Port=${port}`, ...options].flatMap((option) => ['-o', option])];
  const daemon = spawn(SSHD, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  for await (const [text] of on(daemon.stderr.setEncoding('utf8'), 'data', { close: ['end'] })) {
    said += text as string;
    if (!/^Server listening/m.test(said)) continue;
    daemon.stderr.resume();
    return { daemon, port };
  }
  if (tries > 1) return listen(options, tries - 1);
  throw new Error(`sshd does not listen: ${said}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
