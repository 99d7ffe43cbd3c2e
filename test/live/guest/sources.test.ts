import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { answerHvTranslate } from '../../../src/cli/commands/hv-translate/answer-hv-translate.ts';
import { parseHvTranslate } from '../../../src/cli/commands/hv-translate/parse-hv-translate.ts';
import { parseMap } from '../../../src/cli/commands/map/parse-map.ts';
import { printMap } from '../../../src/cli/commands/map/print-map.ts';
import { answerAddresses } from '../../../src/cli/commands/translate/answer-addresses.ts';
import { parseTranslate } from '../../../src/cli/commands/translate/parse-translate.ts';
import type { CliContext } from '../../../src/cli/options/command.ts';
import type { GuestOptions } from '../../../src/cli/options/guest-options.ts';
import type { NamedGuest } from '../../../src/cli/options/sources/named-guest.ts';
import { takeSnapshot } from '../../../src/cli/session/take-snapshot.ts';
import {
  type GuestTranslation,
  GuestView,
  givenSource,
  type OpenGuest,
  type Region,
  StillGuest,
  withPausedGuest,
} from '../../../src/guest/index.ts';
import type { QemuProcess } from '../../../src/testing/index.ts';
import { askedNames, StandingGuest } from '../../conformance/nested-processor/standing-guest.ts';
import { SvmGuest } from '../../conformance/nested-processor/svm-guest.ts';
import { KERNELS } from '../../kernels/manifests/kernels.ts';
import { expectRejection } from '../../support/expect-rejection.ts';
import { launchKernel } from '../../support/live/guest/kernel-guest.ts';
import { encodeRegisters, rawSource } from '../../support/live/guest/raw-source.ts';
import { Witness } from '../../support/live/guest/witness.ts';
import { useScratchDirectory } from '../../support/live/scratch-directory.ts';

const READ = { write: false, user: false, exec: false };
const ACCESSES = [
  READ,
  { ...READ, write: true },
  { ...READ, exec: true },
  { ...READ, user: true },
  { ...READ, user: true, write: true },
  { ...READ, user: true, exec: true },
];

/** Reads memory of a paused guest in another way than those under test. */
type ReadMemory = (address: number, length: number) => Promise<Buffer>;

/** Saves what a paused guest is: a raw file of all RAM and ROM, and a JSON file. */
async function saveGuest(view: GuestView, read: ReadMemory, memoryFile: string, registersFile: string): Promise<void> {
  const regions: Region[] = [];
  let offset = 0n;
  await writeFile(memoryFile, '');
  for (const { kind, name, first, last } of (await view.memoryMap()).regions) {
    regions.push({ kind, name, first, last, offset });
    if (kind !== 'ram' && kind !== 'rom') continue;
    const size = last - first + 1n;
    await appendFile(memoryFile, await read(Number(first), Number(size)));
    offset += size;
  }
  await writeFile(registersFile, await encodeRegisters(view, regions));
}

/** A guest that is paused anyway, as a command is given it. */
function openedOf(view: GuestView): OpenGuest {
  return {
    endpoint: 'the live guest',
    vcpus: [0],
    assumed: [],
    running: undefined,
    look: () => Promise.resolve(view),
    requireCpu() {},
    detach: () => Promise.resolve(),
  };
}

interface Asked {
  readonly addresses: readonly string[];
  /** The command line's options, with the guest that is asked. */
  readonly of: (options: GuestOptions) => GuestOptions;
  readonly context: CliContext;
}

/** What a guest of the rig has, in the file behind its memory. */
const LOW_BYTES = 64 * 2 ** 20;

const ELSEWHERE = { PAGEWALK_QMP: 'unix:/nowhere' };

function translate({ addresses, of, context }: Asked, ...options: readonly string[]): Promise<number> {
  const line = parseTranslate([...addresses, ...options], ELSEWHERE);
  return answerAddresses({ ...line, guest: of(line.guest), command: 'translate' }, context);
}

function hvTranslate({ addresses, of, context }: Asked, ...options: readonly string[]): Promise<number> {
  const line = parseHvTranslate([...addresses, ...options], ELSEWHERE);
  return answerHvTranslate({ ...line, guest: of(line.guest) }, context);
}

async function map({ of, context }: Asked, ...options: readonly string[]): Promise<number> {
  const line = parseMap(options, ELSEWHERE);
  const own = { ...line, guest: of(line.guest) };
  return printMap(await takeSnapshot({ ...own, command: 'map' }, context), own, context);
}

/** What commands say of every guest. */
const COMMANDS: Readonly<Record<string, (asked: Asked) => Promise<number>>> = {
  translate: (asked) => translate(asked, '--user', '--write'),
  'translate --json': (asked) => translate(asked, '--json'),
  'translate --brief': (asked) => translate(asked, '--brief'),
  'hv-translate': (asked) => hvTranslate(asked, '--validate', 'rw'),
  map: (asked) => map(asked),
  'map --leaves --json': (asked) => map(asked, '--leaves', '--json'),
};

/** The text and the exit status. */
async function outputOf(name: string, addresses: readonly bigint[], open: () => OpenGuest): Promise<readonly string[]> {
  const said: string[] = [];
  const source: NamedGuest = { whyNotLive: null, open: () => Promise.resolve(open()) };
  const status = await COMMANDS[name]?.({
    addresses: addresses.map((address) => `0x${address.toString(16)}`),
    of: (options) => ({ ...options, source }),
    context: {
      environment: {},
      isTerminal: false,
      print: (text) => void said.push(text),
      complain: (line) => void said.push(line),
      signal: new AbortController().signal,
    },
  });
  return [said.join(''), `status ${status}`];
}

/** Regions lie in the raw file in another place than in QEMU's memory. */
function withoutOffset(answers: readonly GuestTranslation[]): unknown {
  return answers.map((answer) => ({ ...answer, region: answer.region && { ...answer.region, offset: 0n } }));
}

describe('a source of guests that the product does not have', function () {
  this.timeout(240_000);
  const fileIn = useScratchDirectory();

  /** Asks the same of a paused guest and of what QEMU has saved of it meanwhile. */
  async function compare(
    guest: Pick<QemuProcess, 'qmpEndpoint'>,
    read: ReadMemory,
    addresses: readonly bigint[],
  ): Promise<readonly GuestTranslation[]> {
    const [memoryFile, registersFile] = [fileIn('memory.raw'), fileIn('registers.json')];
    return withPausedGuest({ qmp: guest.qmpEndpoint, maxPauseMs: 200_000 }, async (live) => {
      await saveGuest(live, read, memoryFile, registersFile);
      using raw = new GuestView(rawSource(memoryFile, registersFile));
      const answers = await compareAnswers(live, raw, addresses);
      await compareSnapshots(live, raw, answers);
      for (const name of Object.keys(COMMANDS)) {
        const wanted = await outputOf(name, addresses, () => openedOf(live));
        const still = () => new StillGuest(rawSource(memoryFile, registersFile), memoryFile);
        expect(await outputOf(name, addresses, still), name).to.deep.equal(wanted);
        expect(wanted[0], name).to.match(/0x[0-9a-f]{4}/);
      }
      return answers;
    });
  }

  for (const kernel of ['long4', 'pae'] as const) {
    it(`${kernel}: every answer is that of the live guest in the same pause`, async () => {
      await using guest = await launchKernel(kernel, { memory: '8M' });
      await using witness = await Witness.of(guest);
      const filename = join(guest.directory, 'memory');
      const read = async (address: number, length: number): Promise<Buffer> => {
        await witness.execute('pmemsave', { val: address, size: length, filename });
        return readFile(filename);
      };
      const answers = await compare(
        guest,
        read,
        KERNELS[kernel].pages.map(({ address }) => address),
      );
      expect(new Set(answers.map(({ translation }) => translation.kind))).to.have.all.keys('mapped', 'fault');
    });
  }

  it('a nested guest (L2): every answer, through both stages', async () => {
    await using guest = await SvmGuest.launch({ hostMode: '4-level', maxPhyAddr: 40, pdpe1gb: true });
    const scene = new StandingGuest(guest);
    await scene.start();
    // No table lies in the firmware.
    const read = async (address: number, length: number): Promise<Buffer> =>
      address < LOW_BYTES ? guest.read(address, length) : Buffer.alloc(length);
    const answers = await compare(
      guest,
      read,
      askedNames.map((name) => scene.addressOf(name)),
    );
    expect(new Set(answers.map(({ nested }) => nested?.translation.kind))).to.have.all.keys(
      'mapped',
      'guest-fault',
      'nested-fault',
    );
    await scene.end();
  });

  it('sets no bit where it cannot write, and has the vCPUs that it names', async () => {
    const bytes = new Uint8Array(0x5000);
    const entries = [0x1000, 0x2000, 0x3000].map((at) => [at, BigInt(at + 0x1007)] as const);
    for (const [at, value] of entries) new DataView(bytes.buffer).setBigUint64(at, value, true);
    const registers = { cr0: 0x8001_0011n, cr3: 0x1000n, cr4: 0x20n, efer: 0xd00n };
    const made = new GuestView(givenSource({ vcpus: [{ registers }], memory: bytes }));
    await writeFile(fileIn('made.raw'), bytes);
    await writeFile(fileIn('made.json'), await encodeRegisters(made, (await made.memoryMap()).regions));
    using raw = new GuestView(rawSource(fileIn('made.raw'), fileIn('made.json')));
    const flags = { setAccessed: true, setDirty: false, forceSetAccessed: true };
    const request = { linearAddress: 0x1000n, access: READ, flags };
    expect((await made.translate([request]))[0]?.wrote).to.have.lengthOf(3);
    expect(await expectRejection(raw.translate([request]))).to.have.property('code', 'ERR_GUEST_USAGE');
    expect(await readFile(fileIn('made.raw'))).to.not.deep.equal(Buffer.from(bytes));
    expect(await expectRejection(raw.vcpuState(1))).to.deep.include({ code: 'ERR_GUEST_CPU', cpus: [0] });
  });
});

/** Few entries are read one by one, many in whole pages, and most of them into columns. */
async function compareAnswers(
  live: GuestView,
  raw: GuestView,
  addresses: readonly bigint[],
): Promise<readonly GuestTranslation[]> {
  const requests = addresses.flatMap((linearAddress) => ACCESSES.map((access) => ({ linearAddress, access })));
  const answers = await live.translate(requests);
  expect(withoutOffset(await raw.translate(requests))).to.deep.equal(withoutOffset(answers));
  for (const [at, request] of requests.entries()) {
    expect(withoutOffset(await raw.translate([request]))).to.deep.equal(withoutOffset(answers.slice(at, at + 1)));
  }
  const columns = BigUint64Array.from(addresses);
  for (const access of ACCESSES) {
    const scope = { compareMachine: true };
    expect(await raw.translateMany(columns, access, scope)).to.deep.equal(
      await live.translateMany(columns, access, scope),
    );
  }
  return answers;
}

/** What leads to the first page that is mapped. */
async function compareSnapshots(live: GuestView, raw: GuestView, answers: readonly GuestTranslation[]): Promise<void> {
  const [physical = 0n] = answers.flatMap(({ translation, nested }) => {
    if (nested !== null) return nested.translation.kind === 'mapped' ? [nested.translation.l1PhysicalAddress] : [];
    return translation.kind === 'mapped' ? [translation.physicalAddress] : [];
  });
  const found = [];
  for (const view of [live, raw]) {
    const aliases: unknown[] = [];
    const take = (alias: unknown): boolean => aliases.push(alias) > 0;
    (await view.snapshot()).aliases({ first: physical, last: physical }, take);
    found.push(aliases);
  }
  expect(found[0]).to.not.deep.equal([]);
  expect(found[1]).to.deep.equal(found[0]);
}
