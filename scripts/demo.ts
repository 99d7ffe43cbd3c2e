import { formatQemuVersion, QmpClient, queryStatus } from '../protocols/qmp/index.ts';
import { chooseStyle } from '../src/cli/io/choose-style.ts';
import type { QemuProcess } from '../src/testing/index.ts';
import { type Audience, ask } from './demo/ask.ts';
import { DemoError } from './demo/demo-error.ts';
import { PauseClock } from './demo/pause-clock.ts';
import { QUESTIONS, SETTING_BITS, WATCHED_ENTRIES } from './demo/questions.ts';
import { Screen } from './demo/screen.ts';
import { countIn, type GuestReport, nextReport, valueIn } from './demo/watched-entries.ts';
import { launchLong4 } from './long4-guest.ts';

/*
 * `npm start`: pagewalk shown on a guest of ours. What is shown is what happens: the commands are run, the answers are the
 * command's own, and the proof is the guest's. If anything is not as announced the demo fails.
 */

function print(text: string): void {
  process.stdout.write(text);
}

function showBoot(screen: Screen, guest: QemuProcess, version: string, report: GuestReport): void {
  screen.say(
    `QEMU ${version} runs test/kernels/long4.asm: 64-bit code with page tables of its own. It reads some of its entries in\n` +
      'an endless loop and prints them on a debug console. This is what it says, and it never stops saying it:\n',
  );
  screen.quote([report.tick, ...report.entries.values()].join('\n'));
  screen.say("\npagewalk needs nothing but QEMU's monitor socket to look at this guest:");
  screen.command(`export PAGEWALK_QMP=${guest.qmpEndpoint}`);
}

/** @throws {@link DemoError} when the guest does not see the bits. */
function showProof(screen: Screen, before: GuestReport, after: GuestReport): void {
  screen.say("\nThat was our word. This is the guest's own, from its console, before and after:\n");
  for (const { name, bits, shown } of WATCHED_ENTRIES) {
    const [was, is] = [before.entries.get(name) ?? '', after.entries.get(name) ?? ''];
    const right = valueIn(is) === (valueIn(was) | bits) && valueIn(is) !== valueIn(was);
    screen.quote(`${was.padEnd(32)}  ${screen.style.strong(is.padEnd(32))}  ${right ? screen.style.good(shown) : ''}`);
    if (!right) throw new DemoError(`the guest was to see in ${name} that ${shown}, but it says "${is}"`);
  }
}

async function showEnd(screen: Screen, qmp: QmpClient, guest: QemuProcess, from: GuestReport, pausesMs: number[]) {
  screen.heading('The guest, left as it was found');
  const { status } = await queryStatus(qmp);
  const report = await nextReport(guest.console);
  if (status !== 'running') throw new DemoError(`the guest is ${status}, and was to be running`);
  screen.say(
    `It is ${status}, and has gone on counting from ${countIn(from)} to ${countIn(report)}. It was paused ${pausesMs.length} times, for ` +
      `${Math.max(...pausesMs).toFixed(1)} ms at most.\nNothing of it was changed but the five bits above. Now it is switched off.\n`,
  );
}

async function showAll(screen: Screen, guest: QemuProcess, qmp: QmpClient): Promise<void> {
  screen.heading('A guest boots');
  const first = await nextReport(guest.console);
  showBoot(screen, guest, formatQemuVersion(qmp.greeting), first);
  const audience: Audience = {
    screen,
    clock: new PauseClock(qmp),
    qmpEndpoint: guest.qmpEndpoint,
    isTerminal: process.stdout.isTTY === true,
  };
  const pausesMs: number[] = [];
  for (const question of QUESTIONS) pausesMs.push(await ask(question, audience));
  const before = await nextReport(guest.console);
  pausesMs.push(await ask(SETTING_BITS, audience));
  showProof(screen, before, await nextReport(guest.console));
  await showEnd(screen, qmp, guest, first, pausesMs);
}

async function main(): Promise<void> {
  const style = chooseStyle({ environment: process.env, isTerminal: process.stdout.isTTY === true });
  const screen = new Screen(style, print);
  await using guest = await launchLong4();
  const qmp = await QmpClient.connect(guest.witnessEndpoint);
  try {
    await showAll(screen, guest, qmp);
    screen.say('Next: npx pagewalk help, or the README.');
  } catch (error) {
    process.stdout.write('\n');
    throw error;
  } finally {
    await qmp.close();
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `npm start | head`: the reader has seen enough.
  if (error.code !== 'EPIPE') throw error;
});

try {
  await main();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
