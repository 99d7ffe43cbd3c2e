#!/usr/bin/env node
import { constants } from 'node:os';
import { foldLines, LEAST_COLUMNS } from '../report/internal.ts';
import { InterruptedError, OutputFileError } from './errors.ts';
import { terminalText } from './io/terminal-text.ts';
import type { CliContext } from './options/command.ts';
import { runCli } from './run-cli.ts';

/**
 * The program: the only place that knows of argv, signals and exit statuses.
 *
 * A signal does not end the process: it fires `signal`, upon which the command puts the guest back, as it does in any case.
 * A second signal finds that under way and changes nothing; what must not be waited for ends with the requests' timeouts.
 */
const end = new AbortController();

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

function onSignal(name: NodeJS.Signals): void {
  end.abort(new InterruptedError(name, constants.signals[name]));
}

/** A mistake in this program must not end it between pausing and resuming the guest either. */
function onUncaughtException(error: unknown): void {
  process.exitCode = 3;
  end.abort(error);
}

const unread = new AbortController();

/** The reader of our output may leave before its end (`| head`): that is no failure. */
function isReaderGone(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE';
}

/** What else goes wrong is told to what prints. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (isReaderGone(error)) unread.abort();
}

function onComplaintError(error: NodeJS.ErrnoException): void {
  if (!isReaderGone(error)) throw error;
  unread.abort();
}

/** What is for a person's eyes fits the window that they have; a file or a pipe gets one line for each thing. */
function shownOn(stream: NodeJS.WriteStream, text: string): string {
  const safe = terminalText(text);
  return stream.isTTY === true ? foldLines(safe, Math.max(LEAST_COLUMNS, stream.columns ?? 0)) : safe;
}

/** Resolves when the text is on its way, or its reader is gone. Rejects where it cannot be written: a disk may be full. */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(shownOn(process.stdout, text), (error) => {
      if (error && !isReaderGone(error)) reject(new OutputFileError('standard output', error));
      else resolve();
    });
  });
}

/** Carriage return, erase to the end of the line (ECMA-48, 8.3.41). */
function showStatus(text: string): void {
  process.stderr.write(`\r${terminalText(text)}\u001b[K`);
}

for (const name of SIGNALS) process.on(name, onSignal);
process.on('uncaughtException', onUncaughtException);
process.stdout.on('error', onOutputError);
process.stderr.on('error', onComplaintError);

let isInputOpen = false;

const context: CliContext = {
  environment: process.env,
  isTerminal: process.stdout.isTTY === true,
  print,
  unread: unread.signal,
  ...(process.stderr.isTTY === true ? { showStatus } : {}),
  // Opened where it is needed: opening it has effects.
  get input() {
    isInputOpen = true;
    return process.stdin;
  },
  complain: (line) => {
    process.stderr.write(`${shownOn(process.stderr, line)}\n`);
  },
  signal: end.signal,
};

async function run(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), context);
  // Who waits for input that is no longer wanted does not end.
  if (isInputOpen) process.stdin.destroy();
  // From here on there is nothing to put back, and a signal may end us as it ends any other program.
  for (const name of SIGNALS) process.off(name, onSignal);
}

// A run that never comes to its end, as nothing is left to wait for, is no success: Node's own status for that.
process.exitCode = 13;
// Nothing is left to wait for, output included. An end by itself would first take V8's heap apart, which the system does in no time.
process.once('beforeExit', () => process.exit());
void run();
