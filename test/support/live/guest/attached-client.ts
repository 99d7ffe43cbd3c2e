import { attach, type GuestView } from '../../../../src/guest/index.ts';
import { KERNELS } from '../../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../../kernels/manifests/manifest.ts';

/**
 * A program that attaches as its argument says (JSON) and then does nothing: to be killed. It says how far it has come, a word
 * a line.
 */
export interface ClientOrders {
  readonly qmp?: string;
  readonly gdb?: string;
  readonly watchdog?: boolean;
  /** Milliseconds; a minute unless given, so that a pause lasts as long as its test. */
  readonly maxPauseMs?: number;
  /** How far to go: attached only, paused with a question answered, or resumed after that. */
  readonly until: 'attached' | 'paused' | 'resumed';
}

const READ = { write: false, user: false, exec: false };

async function askSomething(paused: GuestView): Promise<void> {
  const { address } = kernelPage(KERNELS.long4, 'rw');
  const [answer] = await paused.translate([{ linearAddress: address, access: READ }]);
  if (answer?.translation.kind !== 'mapped') throw new Error('the question was answered wrongly');
}

const { until, ...options }: ClientOrders = JSON.parse(process.argv[2] ?? '');
const guest = await attach({ maxPauseMs: 60_000, ...options });
if (until !== 'attached') await askSomething(await guest.pause());
if (until === 'resumed') await guest.resume();
process.stdout.write(`${until}\n`);
// Connections alone need not keep a process alive.
setInterval(() => {}, 1000);
