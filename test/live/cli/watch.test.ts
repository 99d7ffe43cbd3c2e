import { expect } from 'chai';
import { InterruptedError } from '../../../src/cli/errors.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { type LaunchedGuest, launchGuest, sharedGuest } from '../../../src/testing/index.ts';
import { TOY, useToyKernel } from '../../support/live/guest/toy-kernel.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { runCommand } from '../../support/live/run-command.ts';
import { usageLineSchema } from '../../support/schemas/map-schema.ts';

const PAGE_TABLE = TOY.tables + 0x3000n;
const RANGE = '0x100000-0x10ffff';
/** A page of the tables, whose linear address is never used. */
const IDLE = TOY.tables + 0x1000n;

describe('pagewalk watch', function () {
  this.timeout(120_000);

  const kernel = useToyKernel();
  const shared = sharedGuest(async (signal) => {
    const guest = await launchGuest({ kernel: kernel(), memory: '64M', smp: 2, signal });
    await guest.console.expect(/tick/);
    // As if it had been looked at once.
    await guest.whilePaused(async (paused) => {
      const [entry] = await paused.readPhysical(entryOf(IDLE), 1);
      await paused.writePhysical(entryOf(IDLE), Uint8Array.of((entry ?? 0) | 0x20));
    });
    await guest.letGo();
    return guest;
  });

  const watch = (...words: string[]) => runCommand(['watch', '--qmp', shared.guest.qmpEndpoint, ...words]);

  /** What it says of the pages that the kernel's loop touches, and of one that it does not. */
  async function strips(...words: string[]): Promise<Record<string, string>[]> {
    const { status, stdout, stderr } = await watch('--range', RANGE, '--json', ...words);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => usageLineSchema.parse(JSON.parse(line)));
    const rounds: Record<string, string>[] = [];
    for (const line of lines) {
      if (line.kind === 'round') {
        expect(line).to.deep.include({ round: rounds.length + 1, cr3: '0x106000', exact: true });
        rounds.push({});
        continue;
      }
      const first = BigInt(line.first);
      for (const [name, address] of Object.entries({ ...TOY, idle: IDLE })) {
        const at = Number((address - first) / 0x1000n);
        if (address >= first && address <= BigInt(line.last))
          Object.assign(rounds.at(-1) ?? {}, { [name]: line.strip[at] });
      }
    }
    return rounds;
  }

  it('shows what a loop touches, round after round, and not what was touched before', async () => {
    const rounds = await strips('--clear', '--for', '300', '--rounds', '2');
    expect(rounds).to.have.length(2);
    for (const round of rounds) expect(round).to.include({ text: 'A', data: 'A', users: 'A', tables: '.', idle: '.' });
  });

  it('shows what it writes where dirty bits may be cleared too', async () => {
    const [round] = await strips('--clear', '--clear-dirty', '--for', '300');
    expect(round).to.include({ text: 'A', data: 'W', users: 'A', tables: '.', idle: '.' });
  });

  it('puts bits back that were set, at its end and when it is interrupted', async () => {
    const { guest } = shared;
    const before = await tableOf(guest);
    // Which no watch before this one has left cleared.
    expect((before[Number(IDLE >> 12n) * 8] ?? 0) & 0x20).to.equal(0x20);
    await strips('--clear', '--clear-dirty', '--for', '50');
    expect(await tableOf(guest)).to.deep.equal(before);
    const interrupt = new AbortController();
    const said: string[] = [];
    const running = runCli(
      [
        'watch',
        '--qmp',
        guest.qmpEndpoint,
        '--range',
        RANGE,
        '--clear',
        '--clear-dirty',
        '--for',
        '20',
        '--rounds',
        '1000',
      ],
      {
        environment: {},
        isTerminal: false,
        print: (text) => {
          said.push(text);
          if (said.length === 2) interrupt.abort(new InterruptedError('SIGINT', 2));
        },
        complain: (line) => void said.push(line),
        signal: interrupt.signal,
      },
    );
    expect(await running).to.equal(130);
    expect(said[0]).to.match(
      /^4-level paging, CR3 0x106000, vCPU 0\nround 1, \d+ ms: \d of 8 pages touched \(\d+K of 32K\), [12] written/,
    );
    expect(await tableOf(guest)).to.deep.equal(before);
    await guest.console.expect(/tick/, { fromNow: true });
  });

  it('does nothing without consent, to a guest that is paused, and where nothing is mapped', async () => {
    const { guest } = shared;
    const before = await tableOf(guest);
    const refused = await watch('--range', RANGE);
    expect(refused.status).to.equal(2);
    expect(refused.stderr).to.contain('--clear');
    expect((await watch('--range', '0x200000+0x1000', '--clear')).stderr).to.contain('nothing is mapped in the range');
    await using witness = await Witness.of(guest.qemu);
    await witness.execute('stop');
    try {
      const paused = await watch('--range', RANGE, '--clear');
      expect(paused.status).to.equal(1);
      expect(paused.stderr).to.contain('the guest is paused');
    } finally {
      await witness.execute('cont');
    }
    expect(await tableOf(guest)).to.deep.equal(before);
  });
});

function entryOf(address: bigint): bigint {
  return PAGE_TABLE + (address >> 12n) * 8n;
}

/** The client under test needs the stub. */
async function tableOf(guest: LaunchedGuest): Promise<Uint8Array> {
  const table = await guest.whilePaused((paused) => paused.readPhysical(PAGE_TABLE, 4096));
  await guest.letGo();
  return table;
}
