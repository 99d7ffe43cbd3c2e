import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { SpiedDirection, SpyReport, SpyVerdict } from './spied-message.ts';

/*
 * A virsh that asks before it passes a line on: started instead of the real one, which is its child and has its descriptors. What
 * comes after the lines that count (marks, echoes) is passed on as it comes.
 */

const VIRSH = '/usr/bin/virsh';
/** What a client hands over: one end of a connection, and a file. */
const HANDED = { stream: 5, file: 6 } as const;

const [control = '', ...words] = process.argv.slice(2);
const hearsEvents = words.includes('qemu-monitor-event');
const isOpen = (descriptor: number, isIt: 'isSocket' | 'isFile'): boolean => {
  try {
    return fstatSync(descriptor)[isIt]();
  } catch {
    return false;
  }
};
const handed = hearsEvents
  ? []
  : [
      ...(isOpen(HANDED.stream, 'isSocket') ? [HANDED.stream] : []),
      ...(isOpen(HANDED.file, 'isFile') ? [HANDED.file] : []),
    ];
const virsh = spawn(VIRSH, words, {
  stdio: ['pipe', 'pipe', 'inherit', 'ignore', 'ignore', ...handed],
}) as ChildProcessByStdio<Writable, Readable, null>;

const spy = connect(control);
const waiting: ((verdict: SpyVerdict | undefined) => void)[] = [];
let isSpied = true;
let received = '';
const say = (report: SpyReport): void => void (isSpied && spy.write(`${JSON.stringify(report)}\n`));
const stopSpying = (): void => {
  isSpied = false;
  for (const settle of waiting.splice(0)) settle(undefined);
};
spy.on('error', stopSpying);
spy.on('close', stopSpying);
spy.setEncoding('utf8').on('data', (text: string) => {
  const lines = (received + text).split('\n');
  received = lines.pop() ?? '';
  for (const line of lines) waiting.shift()?.(JSON.parse(line) as SpyVerdict);
});
say({ virsh: virsh.pid ?? 0, hearsEvents });

let turn: Promise<unknown> = Promise.resolve();
const inTurn = (step: () => unknown): void => {
  turn = turn.then(step);
};

async function pass(direction: SpiedDirection, line: string, to: (text: string) => void): Promise<void> {
  const verdict = isSpied
    ? await new Promise<SpyVerdict | undefined>((settle) => {
        waiting.push(settle);
        say({ direction, text: line });
      })
    : undefined;
  to(verdict?.text ?? `${line}\n`);
  say({ passed: true });
  if (verdict?.ends === true) process.stdout.end();
}

/** @param isMessage - which lines are asked about */
function carry(
  from: Readable,
  direction: SpiedDirection,
  isMessage: (line: string) => boolean,
  to: (text: string) => void,
): void {
  let begun = '';
  let isBegunPassed = false;
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (begun + chunk).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) {
      if (isBegunPassed) inTurn(() => to(`${line}\n`));
      else if (isMessage(line)) inTurn(() => pass(direction, line, to));
      else inTurn(() => to(`${line}\n`));
      isBegunPassed = false;
    }
    // A mark has no end of a line behind it.
    if (begun === '' || (!isBegunPassed && isMessage(begun))) return;
    const text = begun;
    begun = '';
    isBegunPassed = true;
    inTurn(() => to(text));
  });
}

const input = virsh.stdin;
const output = virsh.stdout;
for (const stream of [input, output, process.stdin, process.stdout]) stream.on('error', () => {});
carry(
  process.stdin,
  'up',
  (line) => line.includes('qemu-monitor-command'),
  (text) => input.writable && input.write(text),
);
process.stdin.on('end', () => inTurn(() => input.end()));
carry(
  output,
  hearsEvents ? 'event' : 'down',
  (line) => line.startsWith(hearsEvents ? 'event ' : '{'),
  (text) => process.stdout.writable && process.stdout.write(text),
);
virsh.on('exit', (status, bySignal) => {
  stopSpying();
  inTurn(() => {
    if (bySignal === null) process.exit(status ?? 1);
    process.kill(process.pid, bySignal);
  });
});
