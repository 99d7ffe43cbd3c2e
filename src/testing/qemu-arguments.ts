import { join } from 'node:path';

/** What kind of guest is wanted. Whatever is left out is QEMU's own default, except where it says otherwise. @public */
export interface QemuOptions {
  /** The program; by default the environment variable `PAGEWALK_QEMU`, and without it `qemu-system-x86_64`. */
  readonly binary?: string;
  /** `-kernel`: a Linux or multiboot image. */
  readonly kernel?: string;
  /** `-append`: the kernel's command line. */
  readonly append?: string;
  /** `-cpu`, for instance `max,phys-bits=46`. */
  readonly cpu?: string;
  /** `-m`, for instance `512M`. */
  readonly memory?: string;
  /** `-smp`: the number of CPUs. */
  readonly smp?: number;
  /** `-machine`, for instance `q35`. */
  readonly machine?: string;
  /** `-accel`, for instance `kvm` or `tcg,thread=single`. */
  readonly accel?: string;
  /** `-S`: the CPUs do not start. Default false. */
  readonly paused?: boolean;
  /** A GDB stub. Default true. */
  readonly gdb?: boolean;
  /** A debug console on port 0xe9, read by {@link QemuProcess.console}. Default true. */
  readonly debugcon?: boolean;
  /** Put at the end of the command line as they are. */
  readonly extraArgs?: readonly string[];
  /** How long QEMU may take to answer on its QMP socket. Milliseconds, default 20000. */
  readonly startTimeoutMs?: number;
}

/** The socket files of one guest. @internal */
export interface QemuSockets {
  readonly qmp: string;
  readonly witness: string;
  readonly gdb: string;
}

/** The file descriptor on which QEMU is handed its end of the debug console. @internal */
export const CONSOLE_FD = 3;

const CONSOLE_ID = 'pagewalk-console';

/** Where a guest's sockets lie in its private directory. @internal */
export function socketPaths(directory: string): QemuSockets {
  return {
    qmp: join(directory, 'qmp.sock'),
    witness: join(directory, 'witness.sock'),
    gdb: join(directory, 'gdb.sock'),
  };
}

/** QEMU's arguments for a guest. Pure. @internal */
export function qemuArguments(options: QemuOptions, sockets: QemuSockets): string[] {
  return [
    '-nodefaults',
    '-no-user-config',
    ...['-display', 'none'],
    ...valued('-machine', options.machine),
    ...valued('-accel', options.accel),
    ...valued('-cpu', options.cpu),
    ...valued('-m', options.memory),
    ...valued('-smp', options.smp),
    ...valued('-kernel', options.kernel),
    ...valued('-append', options.append),
    ...(options.paused === true ? ['-S'] : []),
    ...['-qmp', listeningSocket(sockets.qmp)],
    ...['-qmp', listeningSocket(sockets.witness)],
    ...(options.gdb === false ? [] : ['-gdb', listeningSocket(sockets.gdb)]),
    ...(options.debugcon === false ? [] : consoleArguments()),
    ...(options.extraArgs ?? []),
  ];
}

function valued(option: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [option, String(value)];
}

function listeningSocket(path: string): string {
  return `unix:${path.replaceAll(',', ',,')},server=on,wait=off`;
}

/** An inherited socket and not `stdio`, which a caller may want for a serial port, nor a file, which would be polled. */
function consoleArguments(): string[] {
  return [
    ...['-chardev', `socket,id=${CONSOLE_ID},fd=${CONSOLE_FD}`],
    ...['-device', `isa-debugcon,iobase=0xe9,chardev=${CONSOLE_ID}`],
  ];
}
