import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { attach } from '../../../src/guest/index.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { kernelPage } from '../../kernels/manifests/manifest.ts';
import { useRunningKernel } from '../../support/live/guest/running-kernel.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { expectProcesses, expectSymbols } from '../../support/live/linux/agreement.ts';
import { bootLinux, type LinuxGuest } from '../../support/live/linux/linux-guest.ts';
import { runCommand } from '../../support/live/run-command.ts';
import { runPagewalk } from '../../support/live/run-pagewalk.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

describe('names of a Linux guest, against what it says of itself', function () {
  // The first run on a machine fetches the kernel.
  this.timeout(600_000);
  const scratch = useScratchDirectory();
  let linux: LinuxGuest;
  const words = (...own: readonly string[]): readonly string[] => [...own, '--qmp', linux.guest.qmpEndpoint];
  const environment = () => ({ XDG_CACHE_HOME: scratch('cache') });
  const run = (...own: readonly string[]) => runCommand(words(...own), environment());

  before(async () => {
    linux = await bootLinux('6.1-cloud', 'pti=on spin');
    // In user mode, as one process spins there: the root that is in use lacks the kernel.
    await using witness = await Witness.of(linux.guest);
    await witness.execute('stop');
  });

  after(async () => {
    await linux?.guest.stop();
  });

  it('every symbol is that of /proc/kallsyms, of the kernel and of its modules', async () => {
    const { stdout, stderr, status } = await runPagewalk(words('symbols'), environment());
    expect({ stderr, status }).to.deep.equal({ stderr: '', status: 0 });
    expectSymbols(stdout, linux);
    const ofModules = stdout.split('\n').filter((line) => line.endsWith(']'));
    expect(ofModules.length).to.be.greaterThan(100);
  });

  it('every page of a process is that of its pagemap, and so are its name and memory', async () => {
    expect(await expectProcesses(linux, { isolated: true, countsAtOnce: true })).to.be.greaterThan(200);
  });

  it('takes a symbol where an address may stand, as in a line of an oops', async () => {
    // With page-table isolation the root that is in use in user mode lacks the kernel.
    const plain = await run('translate', 'do_exit+0x10', '--exec', '--json', '--pid', '1');
    const oops = await run('translate', 'RIP: 0010:do_exit+0x10/0x1', '--exec', '--json', '--pid', '1');
    const symbol = await run('symbols', 'do_exi?', '--json');
    const { address } = JSON.parse(symbol.stdout);
    const answer = JSON.parse(plain.stdout);
    expect(BigInt(answer.linearAddress) - BigInt(address)).to.equal(0x10n);
    expect(answer).to.include({ valid: true });
    expect(answer.place).to.include({ symbol: 'do_exit', offset: '0x10' });
    expect(JSON.parse(oops.stdout).linearAddress).to.equal(answer.linearAddress);
    const none = await run('translate', 'do_exot');
    expect(none).to.include({ status: 2, stdout: '' });
    expect(none.stderr).to.contain('no symbol is called "do_exot"');
  });

  it('walks the address space of a process, by the half that is in use at the access', async () => {
    const { pid } = linux.processes[0] as { pid: number };
    const pages = linux.pages.filter((page) => page.pid === pid).slice(0, 3);
    const addresses = pages.map(({ address }) => `0x${address.toString(16)}`);
    const frames = pages.map(({ frame }) => `0x${(frame << 12n).toString(16)}`);
    const answer = await run('translate', ...addresses, '--process', 'sleeper', '--user', '--brief');
    expect(
      answer.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('  ')[1]),
    ).to.deep.equal(frames);
    const [first = '', frame = ''] = [addresses[0], frames[0]];
    const user = await run('translate', first, '--pid', String(pid), '--user');
    const kernel = await run('translate', first, '--pid', String(pid));
    const found = await run('find', frame, '--pid', String(pid), '--range', '0-0x7fffffffffff');
    const map = await run('map', '--pid', String(pid), '--range', `${first}+0x1000`);
    expect(user.stdout).to.match(new RegExp(`CR3 0x[0-9a-f]+ \\(process ${pid} sleeper, user half\\)`));
    expect(kernel.stdout).to.match(new RegExp(`CR3 0x[0-9a-f]+ \\(process ${pid} sleeper, kernel half\\)`));
    expect(found.stdout).to.contain(first.slice(2));
    expect(map.stdout).to.contain(`(process ${pid} sleeper, kernel half)`);
  });

  it('lets a guest run while its names are read, whatever asks for them, and pauses it once where they are at hand', async () => {
    await using witness = await Witness.of(linux.guest);
    const pausesOf = async (line: string, cache: string): Promise<number> => {
      const trace = scratch('trace');
      const own = words(...line.split(' '), '--trace', trace);
      const { status, stderr } = await runPagewalk(own, { XDG_CACHE_HOME: scratch(cache) });
      expect([0, 1], `${line}: ${stderr}`).to.include(status);
      return (await readFile(trace, 'utf8')).split('\n').filter((record) => / -> .*"execute":"stop"/.test(record))
        .length;
    };
    const looks = ['state', 'state --cpu all', 'map --range 0+0x1000', 'translate 0 --brief'];
    const asks = [...looks.map((look) => `${look} --names`), 'symbols do_exit', 'ps', 'find 0x1000 --processes'];
    await witness.execute('cont');
    try {
      for (const [at, line] of asks.entries()) expect(await pausesOf(line, `cache-${at}`), line).to.equal(2);
      expect(await pausesOf('state --names', 'cache-0'), 'they are kept').to.equal(1);
    } finally {
      await witness.execute('stop');
    }
  });

  it('refuses processes that there are not, or that have no address space', async () => {
    const none = await run('translate', '0', '--process', 'nothing');
    const ended = await run('translate', '0', '--pid', '4000000');
    const kernel = await run('map', '--pid', '2');
    expect(none).to.include({ status: 2, stdout: '' });
    expect(none.stderr).to.contain('no process has the name "nothing"');
    expect(ended.stderr).to.contain('no process has pid 4000000');
    expect(kernel.stderr).to.contain('process 2 kthreadd is a thread of the kernel: it has no address space');
  });

  it('translates a buffer page by page, and names what it shows', async () => {
    const buffer = await run('translate', '_stext+0xff0', '--length', '0x1020', '--brief', '--pid', '1');
    expect(
      buffer.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(15, 18)),
    ).to.deep.equal(['ff0', '000', '000']);
    const module = await run('translate', 'fuse:fuse_dev_open', '--brief', '--pid', '1');
    expect(module.stdout).to.match(/ {2}fuse_dev_open\+0x0\/0x[0-9a-f]+ \[fuse\]\n$/);
  });

  it('says of every vCPU whose CR3 it has, and where its code is', async () => {
    const { stdout } = await run('state', '--cpu', 'all', '--names', '--json');
    const { pid } = linux.processes.find(({ comm }) => comm === 'spinner') as { pid: number };
    const owner = { kind: 'process', pid, comm: 'spinner', half: JSON.parse(stdout).cpl === 3 ? 'user' : 'kernel' };
    expect(JSON.parse(stdout)).to.deep.include({ cpu: 0, mode: '4-level', owner });
    const text = await run('state', '--cpu', 'all', '--names');
    expect(text.stdout).to.match(
      new RegExp(`^vCPU  mode .*\\n0     4-level  [03]    0x[0-9a-f]{16}  0x[0-9a-f]+ +${pid} spinner`),
    );
    const one = JSON.parse((await run('state', '--names', '--json')).stdout);
    expect(one.owner).to.deep.include({ kind: 'process', pid, comm: 'spinner' });
    expect(one).to.have.property('place');
    expect((await run('state', '--names')).stdout).to.match(
      new RegExp(`\\nCR3 +0x[0-9a-f]{16}  root 0x[0-9a-f]+, process ${pid} spinner(, (user|kernel) half)?  `),
    );
  });

  it('lists the threads of a process, and takes one where a process may stand', async () => {
    const { pid } = linux.processes.find(({ comm }) => comm === 'keeper') as { pid: number };
    expect(linux.threads.map((thread) => thread.pid)).to.deep.equal([pid, pid]);
    const { stdout, stderr, status } = await run('ps', '--threads', '--json');
    expect({ stderr, status }).to.deep.equal({ stderr: '', status: 0 });
    const tasks = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const own = tasks.filter(({ tgid }) => tgid === pid);
    expect(own.map((task) => task.pid)).to.deep.equal([pid, ...linux.threads.map(({ tid }) => tid)]);
    expect(new Set(own.map(({ cr3 }) => cr3)).size).to.equal(1);
    expect(own.map(({ state, comm }) => `${state} ${comm}`)).to.deep.equal(own.map(() => 'S keeper'));
    const [, { tid } = { tid: 0 }] = linux.threads;
    const walk = await run('translate', 'do_exit', '--pid', String(tid), '--json');
    expect(JSON.parse(walk.stdout)).to.deep.include({
      owner: { kind: 'process', pid: tid, comm: 'keeper', half: 'kernel' },
    });
  });

  it('knows the areas of each process as its /proc/PID/maps has them', async () => {
    const guest = await attach({ qmp: linux.guest.qmpEndpoint });
    try {
      await guest.whilePaused(async (paused) => {
        const found = await paused.linux();
        for (const [pid, told] of linux.areas) {
          const own = (await found.areas(await found.process(pid))).filter(({ last }) => last < 1n << 47n);
          const lines = own.map(({ kind, name, first, last }) => {
            const shown = { heap: '[heap]', stack: '[stack]' }[kind as string] ?? name ?? '';
            return `${first.toString(16).padStart(8, '0')}-${(last + 1n).toString(16).padStart(8, '0')} ${shown}`;
          });
          expect(lines).to.deep.equal(told.map((line) => line.replace(/ +\S+ \S+ \S+ \S+ */, ' ')));
        }
        expect(linux.areas.get(linux.processes.find(({ comm }) => comm === 'keeper')?.pid ?? 0)?.length).to.be.above(
          400,
        );
      });
    } finally {
      await guest.detach();
    }
  });

  it('labels what it maps, and says who maps a frame', async () => {
    const { pid = 0 } = linux.processes.find(({ comm }) => comm === 'keeper') ?? {};
    const map = await run('map', '--pid', String(pid), '--json');
    const labels = map.stdout
      .trimEnd()
      .split('\n')
      .flatMap((line) => JSON.parse(line).areas ?? []);
    const kinds = new Set(labels.map(({ kind }) => kind));
    expect([...kinds]).to.include.members(['text', 'rodata', 'data', 'module', 'direct-map', 'vmalloc', 'vmemmap']);
    expect([...kinds]).to.include.members(['cpu-entry-area', 'fixmap', 'heap', 'stack', 'anonymous', 'file']);
    expect(labels.map(({ name }) => name)).to.include.members(['/tmp/place/file', '/init', 'fuse']);
    expect(labels.filter(({ kind }) => kind === undefined)).to.deep.equal([]);
    const page = linux.pages.find((each) => each.pid === pid && each.address > 1n << 44n);
    const found = await run('find', `0x${((page?.frame ?? 0n) << 12n).toString(16)}`, '--processes', '--json');
    const places = found.stdout
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(places.map(({ owner, areas }) => [owner?.pid ?? null, areas[0]?.kind])).to.deep.equal([
      [null, 'direct-map'],
      [pid, 'anonymous'],
    ]);
    expect(BigInt(places[1].first)).to.equal(page?.address);
    const text = await run('find', 'phys:0x1000', '--names', '--pid', '1');
    expect(text.stdout).to.match(/ {2}direct map\n$/);
  });

  it('says what Linux keeps in entries that are not present, as pagemap has it', async () => {
    const { pid = 0 } = linux.processes.find(({ comm }) => comm === 'keeper') ?? {};
    expect([linux.swapped.length, linux.hidden.length, linux.protected.length]).to.deep.equal([12, 4, 4]);
    const entriesOf = async (pages: readonly { readonly address: bigint }[]) => {
      const addresses = pages.map(({ address }) => `0x${address.toString(16)}`);
      const { stdout } = await run('translate', ...addresses, '--pid', String(pid), '--user', '--json');
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).linuxEntry);
    };
    const swapped = (await entriesOf(linux.swapped)).map(({ exclusive, ...entry }) => entry);
    expect(swapped).to.deep.equal(
      linux.swapped.map(({ type, offset, softDirty, writeProtected }) => ({
        ...{ kind: 'swap', type, offset: `0x${offset.toString(16)}`, softDirty, uffdWp: writeProtected },
      })),
    );
    expect(await entriesOf(linux.hidden)).to.deep.equal(
      linux.hidden.map(({ frame }) => ({
        ...{ kind: 'no-access', physicalAddress: `0x${(frame << 12n).toString(16)}`, isInverted: true },
      })),
    );
    for (const entry of await entriesOf(linux.protected)) expect(entry.bits).to.include('uffd-wp');
    const [first] = linux.swapped;
    const text = await run('translate', `0x${first?.address.toString(16)}`, '--pid', String(pid));
    expect(text.stdout).to.contain(`\n  Linux: swapped out to swap area 0, page 0x${first?.offset.toString(16)}; `);
  });

  it('takes names wherever an address may stand', async () => {
    const { pid = 0 } = linux.processes.find(({ comm }) => comm === 'sleeper') ?? {};
    const all = (await run('symbols', 'do_exi?', '--json')).stdout;
    const { address } = JSON.parse(all);
    const size = JSON.parse((await run('symbols', 'do_exit', '--json')).stdout).place.size;
    const map = await run('map', '--range', 'do_exit', '--pid', '1', '--json');
    const [heading, range] = map.stdout.split('\n').map((line) => JSON.parse(line || 'null'));
    expect([heading.first, BigInt(heading.last)]).to.deep.equal([address, BigInt(address) + BigInt(size) - 1n]);
    expect(range.areas).to.deep.equal([{ kind: 'text', name: null }]);
    const found = await run('find', 'do_exit', '--pid', '1', '--range', '_stext-_etext', '--json');
    expect(JSON.parse(found.stdout.split('\n')[0] ?? '').first).to.equal(address);
    await writeFile(scratch('list'), `do_exit+0x10/0xb10 # a line of an oops\n${address.slice(2)}\n`);
    const list = await run('translate', '--from', scratch('list'), '--brief', '--pid', '1', '--names');
    expect(list.stdout.split('\n').map((line) => line.split('  ').at(-1))).to.deep.equal([
      `do_exit+0x10/${size}`,
      `do_exit+0x0/${size}`,
      '',
    ]);
    await writeFile(scratch('wrong'), `do_exit\nno_such_symbol\n`);
    const wrong = await run('translate', '--from', scratch('wrong'), '--brief', '--pid', '1');
    expect(wrong).to.include({ status: 2 });
    expect(wrong.stderr).to.contain('wrong:2: no symbol is called "no_such_symbol"');
    const diff = await run('diff', '--after', '1', '--pid', '1', '--range', 'do_exit');
    expect(diff).to.include({ status: 0, stdout: '' });
    const page = linux.pages.find((each) => each.pid === pid);
    const hypercall = await run(
      ...[
        'hv-translate',
        `0x${page?.address.toString(16)}`,
        '--pid',
        String(pid),
        '--validate',
        'r',
        '--user',
        '--brief',
      ],
    );
    expect(hypercall.stdout).to.contain(`0x${page?.frame.toString(16)}`);
    const guest = await attach({ qmp: linux.guest.qmpEndpoint });
    try {
      const requests = [true, false].map((user) => ({
        linearAddress: page?.address ?? 0n,
        access: { write: false, user, exec: false },
      }));
      await guest.whilePaused(async (paused) => {
        const { cr3, userCr3 } = await (await paused.linux()).process(pid);
        const answers = await paused.translate(requests, { process: pid });
        expect(answers.map(({ request }) => request.access.user)).to.deep.equal([true, false]);
        // Each access by the root that is in use when it is made; both lead to the same page.
        const steps = answers.map(({ translation }) => translation.steps);
        expect(steps.map(([root]) => (root?.address ?? 0n) & ~0xfffn)).to.deep.equal([userCr3, cr3]);
        const frames = steps.map((each) => ((each.at(-1)?.value ?? 0n) >> 12n) & 0xff_ffff_ffffn);
        expect(frames).to.deep.equal([page?.frame, page?.frame]);
      });
    } finally {
      await guest.detach();
    }
  });

  it('waits for a moment, and says that it does not come in a guest that does not run', async () => {
    const { cpl } = JSON.parse((await run('state', '--cpu', 'all', '--json')).stdout);
    const [now, never] = cpl === 3 ? ['user', 'kernel'] : ['kernel', 'user'];
    const there = await run('state', '--until', now);
    expect(there).to.include({ status: 0, stderr: `pagewalk: --until ${now}: true of vCPU 0 in pause 1\n` });
    const spinner = await run('map', '--range', '0-0xfff', '--until', 'process=spinner');
    expect(spinner.stderr).to.contain('pagewalk: --until process=spinner: true of vCPU 0 in pause 1\n');
    for (const until of [never, 'cr3=0x1000', 'process=sleeper']) {
      const { status, stderr } = await run('state', '--until', until);
      expect({ status, stderr }).to.deep.equal({
        status: 3,
        stderr: `pagewalk: --until ${until}: vCPU 0 is somewhere else, and stays there: the guest does not run\n`,
      });
    }
  });

  it('says where memory may have changed while it was read', async () => {
    for (const words of [['ps'], ['symbols', 'do_exit']]) {
      const { status, stdout, stderr } = await run(...words, '--live');
      expect({ status, stderr }, words.join(' ')).to.deep.equal({
        status: 0,
        stderr: 'pagewalk: assumed: taken live: the guest ran while its registers and tables were read\n',
      });
      expect(stdout).to.contain(words[0] === 'ps' ? 'spinner' : 'do_exit');
    }
  });

  it('takes symbols from a file, wherever KASLR has put the kernel', async () => {
    const { stdout } = await run('symbols', '*_exit');
    const listed = (text: string, name: string): bigint =>
      BigInt(
        `0x${
          text
            .split('\n')
            .find((line) => line.endsWith(` ${name}`))
            ?.split(' ')[0]
        }`,
      );
    const text = listed((await run('symbols', '_stext*')).stdout, '_stext');
    const slide = text - 0xffff_ffff_8100_0000n;
    const map = ['ffffffff81000000 T _stext', `${(listed(stdout, 'do_exit') - slide).toString(16)} T renamed_exit`];
    await writeFile(scratch('System.map'), `${map.join('\n')}\n`);
    const answer = await run('translate', 'renamed_exit', '--symbols', scratch('System.map'), '--json', '--pid', '1');
    expect(JSON.parse(answer.stdout)).to.include({
      valid: true,
      linearAddress: `0x${listed(stdout, 'do_exit').toString(16)}`,
    });
    const none = await run('symbols', '--symbols', scratch('nowhere'));
    expect(none).to.include({ status: 2, stdout: '' });
  });
});

describe('a guest that is no Linux', function () {
  this.timeout(60_000);
  const scratch = useScratchDirectory();
  const long4 = useRunningKernel('long4');

  it('is said to be none, with what was looked for', async () => {
    for (const words of [['symbols'], ['ps'], ['translate', 'do_exit'], ['map', '--pid', '1']]) {
      const { status, stdout, stderr } = await runCommand([...words, ...long4.endpoint], {
        XDG_CACHE_HOME: scratch('c'),
      });
      expect({ status, stdout }, words.join(' ')).to.deep.equal({ status: 3, stdout: '' });
      expect(stderr).to.match(
        /^pagewalk: Linux: there is none in the address space of vCPU 0: a kernel's text and its/,
      );
    }
  });

  it('takes symbols from a file as they are there', async () => {
    const { address } = kernelPage(KERNELS.long4, 'rw');
    await writeFile(
      scratch('names'),
      `${address.toString(16)} T a_page\n${(address + 0x1000n).toString(16)} T another\n`,
    );
    const answer = await runCommand(['translate', 'a_page+8', '--symbols', scratch('names'), ...long4.endpoint]);
    expect(answer.stdout).to.contain(
      `0x${(address + 8n).toString(16).padStart(16, '0')}  a_page+0x8/0x1000  supervisor read`,
    );
    const registers = await runCommand(['translate', 'rip', '--exec', '--brief', ...long4.endpoint]);
    expect(registers).to.include({ status: 0, stderr: '' });
  });
});
