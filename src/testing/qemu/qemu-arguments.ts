import { join } from 'node:path';
import type { AbandonSignal } from '../../../protocols/transport/index.ts';

/** What kind of guest is wanted. Whatever is left out is QEMU's own default, except where it says otherwise. @public */
export interface QemuOptions {
  /** The program; by default the environment variable `PAGEWALK_QEMU`, and without it `qemu-system-x86_64`. */
  readonly binary?: string;
  /** `-kernel`: a Linux or multiboot image. */
  readonly kernel?: string;
  /** `-initrd`. */
  readonly initrd?: string;
  /** `-append`: the kernel's command line. A Linux talks on `serial` with `console=ttyS0`. */
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
  /** A first serial port (COM1, ttyS0), for the console and the shell of a guest of `launchGuest`. Default false. */
  readonly serial?: boolean;
  /**
   * QEMU stays, with the guest stopped, when the guest shuts down, resets, panics or triple-faults, so that the guest can be looked
   * at. Default false: QEMU's own default, which is to exit, or to reset.
   */
  readonly holdAtEnd?: boolean;
  /** Put at the end of the command line as they are. */
  readonly extraArgs?: readonly string[];
  /** How long QEMU may take to answer on its QMP socket. Milliseconds, default 20000. */
  readonly startTimeoutMs?: number;
  /** What the guest says when it is ready, on its debug console (or its serial port, for a guest of `launchGuest`): it is waited for. */
  readonly ready?: RegExp;
  /** What it says instead where it has failed: `/Kernel panic/`. */
  readonly failOn?: RegExp;
  /** How long it may take to be ready. Milliseconds, default 60000. */
  readonly readyTimeoutMs?: number;
  /** Ends QEMU when it fires, and whatever waits for the guest with its reason. */
  readonly signal?: AbandonSignal;
}

/** The socket files of one guest. @internal */
export interface QemuSockets {
  readonly qmp: string;
  readonly witness: string;
  /** For the kit's own pauses. */
  readonly own: string;
  /** By which the kit hears of what happens to the guest. */
  readonly watch: string;
  /** Where QEMU notes resets and triple faults, with `holdAtEnd`. */
  readonly resets: string;
  readonly gdb: string;
}

/** The file descriptor on which QEMU is handed its end of the debug console. @internal */
export const CONSOLE_FD = 3;

/** The file descriptor on which QEMU is handed its end of the serial port. @internal */
export const SERIAL_FD = 4;

const CONSOLE_ID = 'pagewalk-console';
const SERIAL_ID = 'pagewalk-serial';

/** Where a guest's sockets lie in its private directory. @internal */
export function socketPaths(directory: string): QemuSockets {
  return {
    qmp: join(directory, 'qmp.sock'),
    witness: join(directory, 'witness.sock'),
    own: join(directory, 'own.sock'),
    watch: join(directory, 'watch.sock'),
    resets: join(directory, 'resets.log'),
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
    ...valued('-initrd', options.initrd),
    ...valued('-append', options.append),
    ...(options.paused === true ? ['-S'] : []),
    ...['-qmp', listeningSocket(sockets.qmp)],
    ...['-qmp', listeningSocket(sockets.witness)],
    ...(options.holdAtEnd === true ? holdingArguments(options, sockets) : []),
    ...(options.serial === true ? serialArguments() : []),
    ...(options.gdb === false ? [] : ['-gdb', listeningSocket(sockets.gdb)]),
    ...(options.debugcon === false ? [] : consoleArguments()),
    ...(options.extraArgs ?? []),
    ...(options.holdAtEnd === true ? loggingToo(options) : []),
  ];
}

/**
 * Where QEMU notes resets and triple faults, with `holdAtEnd`: where the caller has it log, if it does.
 *
 * @returns undefined for standard error
 * @internal
 */
export function resetLogOf({ extraArgs = [] }: QemuOptions, { resets }: QemuSockets): string | undefined {
  return lastValue(extraArgs, '-D') ?? (extraArgs.includes('-d') ? undefined : resets);
}

/** QEMU logs what the last `-d` says alone. */
function loggingToo({ extraArgs = [] }: QemuOptions): string[] {
  const logged = lastValue(extraArgs, '-d');
  return logged === undefined ? [] : ['-d', `${logged},cpu_reset`];
}

function lastValue(args: readonly string[], option: string): string | undefined {
  const at = args.lastIndexOf(option);
  return at < 0 ? undefined : args[at + 1];
}

function valued(option: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [option, String(value)];
}

function listeningSocket(path: string): string {
  return `unix:${path.replaceAll(',', ',,')},server=on,wait=off`;
}

/** An inherited pipe and not `stdio`, which a caller may want for a serial port. */
function consoleArguments(): string[] {
  return [
    ...['-chardev', `file,id=${CONSOLE_ID},path=/proc/self/fd/${CONSOLE_FD}`],
    ...['-device', `isa-debugcon,iobase=0xe9,chardev=${CONSOLE_ID}`],
  ];
}

function serialArguments(): string[] {
  return [...['-chardev', `socket,id=${SERIAL_ID},fd=${SERIAL_FD}`], ...['-serial', `chardev:${SERIAL_ID}`]];
}

/**
 * A reset becomes a shutdown, and a shutdown a pause; so does a panic, which a Linux tells through pvpanic. Under TCG the log of
 * resets has a line for a triple fault, which no event tells.
 */
function holdingArguments(options: QemuOptions, sockets: QemuSockets): string[] {
  const { machine } = options;
  const { own, watch } = sockets;
  const log = resetLogOf(options, sockets);
  const hasIsa = machine === undefined || /^(pc|q35)/.test(machine);
  return [
    ...['-qmp', listeningSocket(own), '-qmp', listeningSocket(watch)],
    ...['-no-reboot', '-no-shutdown'],
    ...['-d', 'cpu_reset'],
    ...(log === undefined ? [] : ['-D', log]),
    ...(hasIsa ? ['-device', 'pvpanic'] : []),
  ];
}
