import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { defaultQemuBinary } from '../../../../src/testing/index.ts';
import { kernelImage } from '../guest/kernel-guest.ts';
import { untilPasses } from './until-passes.ts';

const run = promisify(execFile);

/** The group that may use libvirt's socket: Debian's package makes it. */
export const LIBVIRT_GROUP = 'libvirt';

const DOMAIN = 'pagewalk-domain';

/** No systemd, no security driver, no control groups, no daemon for logs. */
const QEMU_CONF = `security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
remember_owner = 0
`;

/**
 * A libvirtd of its own, with all of its folders and processes in namespaces that end with it, and a domain that it started: a small
 * kernel under TCG with the channel of a guest agent. Takes root and Debian's packages of libvirt.
 */
export class LibvirtDaemon implements AsyncDisposable {
  readonly domain = DOMAIN;
  readonly directory: string;
  readonly #daemon: ChildProcess;

  private constructor(directory: string, daemon: ChildProcess) {
    this.directory = directory;
    this.#daemon = daemon;
  }

  static async start(): Promise<LibvirtDaemon> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-libvirt-'));
    // QEMU's user reads the kernel there, and members of the group use the socket.
    await chmod(directory, 0o755);
    const file = (name: string): string => join(directory, name);
    await writeFile(file('qemu.conf'), QEMU_CONF);
    await writeFile(
      file('libvirtd.conf'),
      `unix_sock_dir = "${directory}"\nunix_sock_group = "${LIBVIRT_GROUP}"\nunix_sock_rw_perms = "0770"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n`,
    );
    await copyFile(kernelImage('long4'), file('kernel'));
    await chmod(file('kernel'), 0o644);
    await writeFile(file('domain.xml'), domainXml(file('kernel')));
    const script = `set -e
mkdir -p /run/libvirt /var/log/libvirt /var/lib/libvirt/qemu /var/cache/libvirt
for folder in /run/libvirt /var/log/libvirt /var/lib/libvirt/qemu /var/cache/libvirt; do mount -t tmpfs -o mode=755 none $folder; done
mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
/usr/sbin/libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid"`;
    const daemon = spawn(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', directory],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    daemon.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    const libvirt = new LibvirtDaemon(directory, daemon);
    try {
      await untilPasses(async () => {
        if (daemon.exitCode !== null) throw new Error(`libvirtd ended: ${said}`);
        await libvirt.virsh('create', file('domain.xml'));
      }, 20_000);
      return libvirt;
    } catch (error) {
      await libvirt[Symbol.asyncDispose]();
      throw new Error(`no domain of libvirt could be started: ${said}`, { cause: error });
    }
  }

  /** libvirt's name for this daemon. */
  get uri(): string {
    return `qemu:///system?socket=${join(this.directory, 'libvirt-sock')}`;
  }

  get endpoint(): string {
    return `libvirt:${this.uri}/${DOMAIN}`;
  }

  async virsh(...words: string[]): Promise<string> {
    const { stdout } = await run('virsh', ['-q', '-c', this.uri, ...words], {
      env: { ...process.env, LC_ALL: 'C', XDG_CACHE_HOME: '/dev/null' },
    });
    return stdout.trim();
  }

  /** `running`, `paused`. */
  state(): Promise<string> {
    return this.virsh('domstate', DOMAIN);
  }

  /** QEMU's own answer to a command of QMP. */
  async ask(command: string): Promise<unknown> {
    const text = await this.virsh('qemu-monitor-command', DOMAIN, JSON.stringify({ execute: command }));
    return (JSON.parse(text) as { readonly return: unknown }).return;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon.kill('SIGKILL');
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) await once(this.#daemon, 'exit');
    this.#daemon.stderr?.destroy();
    await rm(this.directory, { recursive: true });
  }
}

function domainXml(kernel: string): string {
  return `<domain type='qemu'>
  <name>${DOMAIN}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>${kernel}</kernel></os>
  <cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>${defaultQemuBinary().includes('/') ? defaultQemuBinary() : `/usr/bin/${defaultQemuBinary()}`}</emulator>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='null'/>
    <video><model type='none'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}
