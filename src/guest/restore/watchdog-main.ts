import type { RestorePlan } from './restore-plan.ts';
import { decodeMessage, type WatchdogMessage } from './watchdog-message.ts';

/*
 * The watchdog's program: see watchdog.ts. Where a shell can wait for the end of the client it comes after that, with the last plan as
 * its only message; else it is the one who waits, and loads the protocols only when it has to act, so that it is up in no time.
 */

const client = process.ppid;
let plan: RestorePlan | undefined;
let deadline: NodeJS.Timeout | undefined;
let received = '';

function take(message: WatchdogMessage): void {
  if ('plan' in message) plan = message.plan;
  else if ('disarm' in message) plan = undefined;
  if (!('deadline' in message)) return;
  clearTimeout(deadline);
  deadline = message.deadline === null ? undefined : setTimeout(endStuckClient, message.deadline);
}

/**
 * The client holds the monitor and does not come to resume its guest: it is suspended, or busy for ever. Nothing but its end
 * lets go of the monitor. As its child we know that the number is still its own.
 */
function endStuckClient(): void {
  if (process.ppid === client) process.kill(client, 'SIGKILL');
}

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  received += text;
  const lines = received.split('\n');
  received = lines.pop() ?? '';
  for (const line of lines) take(decodeMessage(line));
});
process.stdin.on('end', () => {
  clearTimeout(deadline);
  if (plan) void act(plan);
});
process.stdout.on('error', () => {});
process.stdout.write('ready\n');

async function act(what: RestorePlan): Promise<void> {
  const { restoreGuest } = await import('./restore-guest.ts');
  await restoreGuest(what);
  // Whatever is still open, an `exec:` command that does not end or a socket without an answer: it is over.
  process.exit();
}
