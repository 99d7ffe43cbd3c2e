import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { defaultQemuBinary } from '../../../../src/testing/index.ts';
import { TortureError } from '../../torture-error.ts';
import { eventually } from '../patience.ts';
import { processesNaming, signal } from '../processes.ts';

const run = promisify(execFile);

/** Seen from dist/scripts/torture/rig/libvirt, where this file runs. */
const KERNEL = fileURLToPath(new URL('../../../../kernels/long4.bin', import.meta.url));

/** The group that may use libvirt's socket: Debian's package makes it. */
export const LIBVIRT_GROUP = 'libvirt';

const DOMAIN = 'pagewalk-domain';
const START_WITHIN_MS = 20_000;

/** No systemd, no security driver, no control groups, no daemon for logs. */
const QEMU_CONF = `security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
remember_owner = 0
`;

/** One that is killed or told to end is started again, and finds its domain; one that cannot start is not. */
const SCRIPT = `set -e
mkdir -p /run/libvirt /var/log/libvirt /var/lib/libvirt/qemu /var/cache/libvirt
for folder in /run/libvirt /var/log/libvirt /var/lib/libvirt/qemu /var/cache/libvirt; do mount -t tmpfs -o mode=755 none $folder; done
mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
while :; do
  status=0
  /usr/sbin/libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid" || status=$?
  [ $status = 0 ] || [ $status -gt 128 ] || exit $status
done`;

/** How the domain is. */
export interface DomainOptions {
  /** It can be judged from outside: with monitors of its own, memory that has a descriptor, and what it says in a file. */
  readonly isJudged?: boolean;
}

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

  static async start({ isJudged = false }: DomainOptions = {}): Promise<LibvirtDaemon> {
    const directory = await mkdtemp(join(tmpdir(), 'pagewalk-libvirt-'));
    // QEMU's user reads the kernel there, and members of the group use the socket.
    await chmod(directory, 0o755);
    const file = (name: string): string => join(directory, name);
    await writeFile(file('qemu.conf'), QEMU_CONF);
    await writeFile(
      file('libvirtd.conf'),
      `unix_sock_dir = "${directory}"\nunix_sock_group = "${LIBVIRT_GROUP}"\nunix_sock_rw_perms = "0770"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n`,
    );
    await copyFile(KERNEL, file('kernel'));
    await chmod(file('kernel'), 0o644);
    await mkdir(file('qemu'));
    await chmod(file('qemu'), 0o777);
    await writeFile(file('domain.xml'), domainXml(file('kernel'), isJudged ? file('qemu') : undefined));
    // All of it ends with this process, however that ends.
    const tied = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const daemon = spawn('setpriv', [...tied, 'sh', '-c', SCRIPT, 'sh', directory], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    daemon.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    const libvirt = new LibvirtDaemon(directory, daemon);
    let problem: unknown;
    const hasStarted = async (): Promise<boolean> => {
      if (daemon.exitCode !== null) return true;
      return libvirt.virsh('create', file('domain.xml')).then(
        () => true,
        (error: unknown) => {
          problem = error;
          return false;
        },
      );
    };
    const came = await eventually(hasStarted, START_WITHIN_MS, 100);
    if (came !== undefined && daemon.exitCode === null) return libvirt;
    await libvirt[Symbol.asyncDispose]();
    throw new TortureError(`no domain of libvirt could be started: ${said}`, { cause: problem });
  }

  /** libvirt's name for this daemon. */
  get uri(): string {
    return `qemu:///system?socket=${join(this.directory, 'libvirt-sock')}`;
  }

  get endpoint(): string {
    return `libvirt:${this.uri}/${DOMAIN}`;
  }

  /** Of a domain that is judged: monitors of which libvirt knows nothing, one for a client, one for who takes its time. */
  endpointOf(monitor: 'direct' | 'clock'): string {
    return `unix:${join(this.shared, monitor)}`;
  }

  /** Where QEMU's user may write. */
  get shared(): string {
    return join(this.directory, 'qemu');
  }

  /** The numbers of QEMU and of libvirtd, as this host has them. */
  get qemuPid(): number | undefined {
    return processesNaming(join(this.directory, 'kernel')).find(({ command }) => command.includes('-kernel'))?.pid;
  }

  get libvirtdPid(): number | undefined {
    return processesNaming(join(this.directory, 'libvirtd.conf'))[0]?.pid;
  }

  /** Ended so, it is started again. */
  signalLibvirtd(name: NodeJS.Signals): void {
    const pid = this.libvirtdPid;
    if (pid !== undefined) signal(pid, name);
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

/** @param shared - where a domain that is judged has its witness, and says what it says */
function domainXml(kernel: string, shared: string | undefined): string {
  const binary = defaultQemuBinary();
  const words =
    shared === undefined
      ? []
      : [
          ...['-chardev', `socket,id=witness,path=${shared}/witness,server=on,wait=off`],
          ...['-mon', 'chardev=witness,mode=control'],
          ...['direct', 'clock'].flatMap((name) => ['-qmp', `unix:${shared}/${name},server=on,wait=off`]),
          ...['-debugcon', `file:${shared}/console`],
        ];
  const memory =
    shared === undefined ? '' : "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>";
  return `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${DOMAIN}</name>
  <memory unit='MiB'>64</memory>
  ${memory}
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><kernel>${kernel}</kernel></os>
  <!-- Else libvirt 9.0 passes -no-acpi, which QEMU 10 does not know. -->
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>${binary.includes('/') ? binary : `/usr/bin/${binary}`}</emulator>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='null'/>
    <video><model type='none'/></video>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>${words.map((word) => `<qemu:arg value='${word}'/>`).join('')}</qemu:commandline>
</domain>
`;
}
