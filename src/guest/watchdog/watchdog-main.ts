import type { RestorePlan, WatchdogMessage } from './watchdog.ts';

/*
 * The watchdog's program: see watchdog.ts. It loads the protocols only when it has to act, so that it is up in no time.
 */

let plan: RestorePlan | undefined;
let received = '';

process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  received += text;
  const lines = received.split('\n');
  received = lines.pop() ?? '';
  for (const line of lines) {
    const message = JSON.parse(line) as WatchdogMessage;
    plan = 'plan' in message ? message.plan : undefined;
  }
});
process.stdin.on('end', () => {
  if (plan) void act(plan);
});
process.stdout.on('error', () => {});
process.stdout.write('ready\n');

async function act(what: RestorePlan): Promise<void> {
  const { restoreGuest } = await import('./restore-guest.ts');
  await restoreGuest(what);
}
