import { expect } from 'chai';
import type { LinuxKind } from '../../scripts/guests/linux-images.ts';
import { Witness } from '../support/live/guest/witness.ts';
import { expectProcesses, expectSymbols } from '../support/live/linux/agreement.ts';
import { bootLinux } from '../support/live/linux/linux-guest.ts';
import { runPagewalk } from '../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../support/live/scratch-directory.ts';

/** QEMU 7.2 emulates an instruction of 16 bytes wrongly that Linux 6.12 uses where the processor has it. */
const CPUS: Readonly<Record<'4-level' | '5-level', string>> = {
  '4-level': 'max,la57=off,cx16=off',
  '5-level': 'max,cx16=off',
};

describe('names in every kernel: symbols are those of /proc/kallsyms, pages of processes those of their pagemap', function () {
  this.timeout(900_000);
  const scratch = useScratchDirectory();

  for (const kind of ['6.1-cloud', '6.12-cloud'] as const)
    for (const mode of ['4-level', '5-level'] as const)
      for (const pti of ['on', 'off'] as const)
        for (const kaslr of ['kaslr', 'nokaslr'] as const)
          it(`Linux ${kind}, ${mode}, pti=${pti}, ${kaslr}`, async function () {
            const linux = await bootLinux(kind, `pti=${pti} ${kaslr} spin`, { cpu: CPUS[mode] });
            try {
              await using witness = await Witness.of(linux.guest);
              await witness.execute('stop');
              const environment = { XDG_CACHE_HOME: scratch('cache') };
              const words = ['symbols', '--qmp', linux.guest.qmpEndpoint];
              const { stdout, stderr, status } = await runPagewalk(words, environment);
              expect({ stderr, status }).to.deep.equal({ stderr: '', status: 0 });
              expectSymbols(stdout, linux);
              const isOld = kind === '6.1-cloud';
              const pages = await expectProcesses(linux, { isolated: pti === 'on', countsAtOnce: isOld });
              if (this.test) this.test.title += ` (${stdout.split('\n').length - 1} symbols, ${pages} pages)`;
            } finally {
              await linux.guest.stop();
            }
          });

  for (const kind of ['6.1-686-pae', '6.1-686'] satisfies readonly LinuxKind[])
    it(`Linux ${kind}: functions, and what is missing is said`, async function () {
      const linux = await bootLinux(kind, 'pti=on', {});
      try {
        const environment = { XDG_CACHE_HOME: scratch('cache') };
        const words = (name: string): string[] => [name, '--qmp', linux.guest.qmpEndpoint];
        const { stdout, stderr, status } = await runPagewalk(words('symbols'), environment);
        expect(status).to.equal(0);
        expect(stderr).to.contain('CONFIG_KALLSYMS_ALL');
        expectSymbols(stdout, { ...linux, modules: '0 cbf29ce484222325' });
        const processes = await runPagewalk(words('ps'), environment);
        expect(processes).to.include({ status: 3, stdout: '' });
        expect(processes.stderr).to.contain('no processes');
        if (this.test) this.test.title += ` (${stdout.split('\n').length - 1} symbols)`;
      } finally {
        await linux.guest.stop();
      }
    });
});
