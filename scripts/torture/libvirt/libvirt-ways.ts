import { setTimeout as delay } from 'node:timers/promises';
import { KILL_WAYS } from '../kills/kill-ways.ts';
import type { CommandRun } from '../rig/command-run.ts';
import type { LibvirtGuest } from '../rig/libvirt/libvirt-guest.ts';
import { signal } from '../rig/processes.ts';
import type { Sandbox } from '../rig/sandbox.ts';
import type { SpyVerdict } from './spied-message.ts';
import type { VirshSpy } from './virsh-spy.ts';

const SUSPENDED_FOR_MS = 1500;
/** What a client ends with that lost its guest. */
const LOST = 3;

/** Whom a strike may hit. */
export interface Struck {
  readonly run: CommandRun;
  readonly sandbox: Sandbox;
  readonly guest: LibvirtGuest;
  readonly spy: VirshSpy;
}

/** A way for something between a client and its guest to come to harm. */
export interface LibvirtWay {
  readonly name: string;
  /** How often it is drawn. */
  readonly weight: number;
  readonly strike?: (struck: Struck) => Promise<void> | void;
  /** What becomes of the reply at which it strikes. */
  readonly instead?: (reply: string) => SpyVerdict;
  /** How the client may end, besides with its answer. */
  readonly ends: readonly (number | NodeJS.Signals)[];
  readonly leavesNoProcess?: boolean;
  /** The guest runs afterwards, whatever it did before. */
  readonly resumes?: boolean;
  /** The answer may rest on less than it would. */
  readonly spoilsAnswer?: boolean;
  readonly delaysMs?: number;
}

function signalAll(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) signal(pid, name);
}

function virshOf(spy: VirshSpy, hearsEvents: boolean): readonly number[] {
  return spy.virshs.filter((virsh) => virsh.hearsEvents === hearsEvents).map(({ pid }) => pid);
}

/** Every way of the suite of kills: it is the client, or its watchdog, that is hit. */
const OF_CLIENTS: readonly LibvirtWay[] = KILL_WAYS.map(({ strike, isHarmless, ...way }) => ({
  ...way,
  strike: ({ run, sandbox }) => strike(run, sandbox),
}));

const OF_LIBVIRT: readonly LibvirtWay[] = [
  {
    name: 'SIGKILL to virsh',
    weight: 4,
    ends: [LOST],
    spoilsAnswer: true,
    strike: ({ spy }) => signalAll(virshOf(spy, false), 'SIGKILL'),
  },
  {
    name: 'SIGKILL to the virsh that hears events',
    weight: 2,
    ends: [],
    strike: ({ spy }) => signalAll(virshOf(spy, true), 'SIGKILL'),
  },
  {
    name: 'SIGSTOP to virsh, later SIGCONT',
    weight: 1,
    ends: [],
    delaysMs: SUSPENDED_FOR_MS,
    strike({ spy }) {
      const pids = virshOf(spy, false);
      signalAll(pids, 'SIGSTOP');
      void delay(SUSPENDED_FOR_MS).then(() => signalAll(pids, 'SIGCONT'));
    },
  },
  {
    name: 'libvirtd killed, and started again',
    weight: 4,
    ends: [LOST],
    spoilsAnswer: true,
    strike: ({ guest }) => guest.libvirt.signalLibvirtd('SIGKILL'),
  },
  {
    name: 'libvirtd told to end, and started again',
    weight: 4,
    ends: [LOST],
    spoilsAnswer: true,
    strike: ({ guest }) => guest.libvirt.signalLibvirtd('SIGTERM'),
  },
  {
    name: 'libvirtd suspended for a while',
    weight: 2,
    ends: [],
    delaysMs: SUSPENDED_FOR_MS,
    strike({ guest }) {
      guest.libvirt.signalLibvirtd('SIGSTOP');
      void delay(SUSPENDED_FOR_MS).then(() => guest.libvirt.signalLibvirtd('SIGCONT'));
    },
  },
  {
    name: 'SIGKILL to libvirtd and the client',
    weight: 3,
    ends: ['SIGKILL'],
    strike({ guest, run }) {
      guest.libvirt.signalLibvirtd('SIGKILL');
      signal(run.pid, 'SIGKILL');
    },
  },
  {
    name: 'SIGKILL to virsh and the client',
    weight: 2,
    ends: ['SIGKILL'],
    strike({ spy, run }) {
      signalAll(virshOf(spy, false), 'SIGKILL');
      signal(run.pid, 'SIGKILL');
    },
  },
  {
    name: 'another client ends the stub',
    weight: 2,
    ends: [LOST],
    spoilsAnswer: true,
    strike: async ({ guest }) => void (await guest.monitor.hmp('gdbserver none')),
  },
  {
    name: 'another client resumes the guest',
    weight: 2,
    ends: [LOST],
    resumes: true,
    strike: ({ guest }) => guest.bring('running'),
  },
];

function ofReplies(name: string, instead: (reply: string) => SpyVerdict): LibvirtWay {
  return { name: `a reply ${name}`, weight: 1, ends: [LOST], spoilsAnswer: true, instead };
}

const OF_REPLIES: readonly LibvirtWay[] = [
  ofReplies('that is lost', () => ({ text: '' })),
  ofReplies('twice', (reply) => ({ text: `${reply}\n${reply}\n` })),
  ofReplies('cut in two, and the end of the output', (reply) => ({
    text: reply.slice(0, reply.length >> 1),
    ends: true,
  })),
  ofReplies('and the end of the output', (reply) => ({ text: `${reply}\n`, ends: true })),
  ofReplies('of garbage', () => ({ text: '{"return": \u0001 nothing\n' })),
  ofReplies('of another question', () => ({ text: '{"return":[],"id":"libvirt-7"}\n' })),
  ofReplies('that is an error', () => ({
    text: '{"id":"libvirt-9","error":{"class":"GenericError","desc":"not now"}}\n',
  })),
  ofReplies('behind a long line', (reply) => ({ text: `${'x'.repeat(1 << 20)}\n${reply}\n` })),
];

/** Everything that may happen to a client, to virsh and to libvirt. */
export const LIBVIRT_WAYS: readonly LibvirtWay[] = [...OF_CLIENTS, ...OF_LIBVIRT, ...OF_REPLIES];
