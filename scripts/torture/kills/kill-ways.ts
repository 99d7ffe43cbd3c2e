import { setTimeout as delay } from 'node:timers/promises';
import type { CommandRun } from '../rig/command-run.ts';
import { signal } from '../rig/processes.ts';
import type { Sandbox } from '../rig/sandbox.ts';

const STOPPED_FOR_MS = 2500;
const STOPPED_BEFORE_KILL_MS = 800;

/** A way for a client to come to harm. */
export interface KillWay {
  readonly name: string;
  /** How often it is drawn. */
  readonly weight: number;
  strike(run: CommandRun, sandbox: Sandbox): void;
  /** The exit statuses and signals that it may end with, besides those of a run that was not harmed. */
  readonly ends: readonly (number | NodeJS.Signals)[];
  /** No process is left that could put the guest back: the next run has to. */
  readonly leavesNoProcess?: boolean;
  /** The client goes on, and has to answer as if nothing had been. */
  readonly isHarmless?: boolean;
  /** How long the client may be kept from putting the guest back. */
  readonly delaysMs?: number;
}

function killWatchdogs(sandbox: Sandbox): void {
  for (const { pid } of sandbox.watchdogs()) signal(pid, 'SIGKILL');
}

function bySignal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP', status: number, weight: number): KillWay {
  return { name, weight, ends: [status, name], strike: ({ pid }) => signal(pid, name) };
}

export const KILL_WAYS: readonly KillWay[] = [
  { name: 'SIGKILL', weight: 7, ends: ['SIGKILL'], strike: ({ pid }) => signal(pid, 'SIGKILL') },
  { name: 'SIGKILL to the process group', weight: 2, ends: ['SIGKILL'], strike: ({ pid }) => signal(-pid, 'SIGKILL') },
  bySignal('SIGTERM', 143, 2),
  bySignal('SIGINT', 130, 1),
  bySignal('SIGHUP', 129, 1),
  {
    name: 'SIGTERM, and SIGKILL at once',
    weight: 1,
    ends: ['SIGKILL', 'SIGTERM', 143],
    strike({ pid }) {
      signal(pid, 'SIGTERM');
      setTimeout(() => signal(pid, 'SIGKILL'), 5);
    },
  },
  {
    name: 'SIGSTOP, later SIGCONT',
    weight: 1,
    ends: [],
    isHarmless: true,
    delaysMs: STOPPED_FOR_MS,
    strike({ pid }) {
      signal(pid, 'SIGSTOP');
      void delay(STOPPED_FOR_MS).then(() => signal(pid, 'SIGCONT'));
    },
  },
  {
    name: 'SIGSTOP, later SIGKILL',
    weight: 1,
    ends: ['SIGKILL'],
    strike({ pid }) {
      signal(pid, 'SIGSTOP');
      void delay(STOPPED_BEFORE_KILL_MS).then(() => signal(pid, 'SIGKILL'));
    },
  },
  {
    name: 'SIGKILL to the watchdog',
    weight: 2,
    ends: [],
    isHarmless: true,
    strike: (_, sandbox) => killWatchdogs(sandbox),
  },
  {
    name: 'SIGKILL to the watchdog and the client',
    weight: 2,
    ends: ['SIGKILL'],
    leavesNoProcess: true,
    strike({ pid }, sandbox) {
      killWatchdogs(sandbox);
      signal(pid, 'SIGKILL');
    },
  },
];
