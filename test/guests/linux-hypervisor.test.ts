import { expect } from 'chai';
import { Witness } from '../support/live/guest/witness.ts';
import { bootHypervisor, type LinuxHypervisor, pauseInMachine } from '../support/live/linux/linux-hypervisor.ts';
import { runPagewalk } from '../support/live/run-pagewalk.ts';
import { mapLineSchema } from '../support/schemas/map-schema.ts';
import { type TranslationLine, translationLineSchema } from '../support/schemas/translation-schema.ts';

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const byAddress = (a: readonly [string, string], b: readonly [string, string]): number =>
  BigInt(a[0]) < BigInt(b[0]) ? -1 : 1;

describe("Linux as a hypervisor (KVM): a machine's pages are where its builder and /proc/self/pagemap have them", function () {
  this.timeout(300_000);

  let hypervisor: LinuxHypervisor;
  let witness: Witness;

  before(async () => {
    hypervisor = await bootHypervisor();
    witness = await Witness.of(hypervisor.guest);
    await pauseInMachine(hypervisor, witness);
  });

  after(async () => {
    await witness?.[Symbol.asyncDispose]();
    await hypervisor?.guest.stop();
  });

  const lines = async (...words: string[]): Promise<unknown[]> => {
    const { stdout, stderr } = await runPagewalk([...words, '--json', '--qmp', hypervisor.guest.qmpEndpoint]);
    expect(stderr).to.equal('');
    return stdout.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
  };
  const translate = async (addresses: readonly bigint[], ...words: string[]): Promise<TranslationLine[]> =>
    (await lines('translate', ...addresses.map(hex), ...words)).map((line) => translationLineSchema.parse(line));

  it('each leads where the kernel says, and what was written there is there', async () => {
    const { pages } = hypervisor;
    expect(pages).to.have.length.above(40);
    const answers = await translate(pages.map(({ virtual }) => virtual));
    expect(answers.map(({ nested }) => nested?.l1PhysicalAddress)).to.deep.equal(
      pages.map(({ physical }) => hex(physical)),
    );
    expect(answers.map(({ physicalAddress }) => physicalAddress)).to.deep.equal(
      pages.map(({ guestPhysical }) => hex(guestPhysical)),
    );
    for (const { physical, mark } of pages) expect(hex(await witness.entry(physical, 8))).to.equal(hex(mark));
  });

  it('map shows these pages and no other', async () => {
    const mapped = (await lines('map', '--leaves')).map((line) => mapLineSchema.parse(line));
    const pages = mapped.flatMap((line): [string, string][] =>
      line.kind === 'page' ? [[line.address, line.physicalAddress]] : [],
    );
    const built = hypervisor.pages.map(({ virtual, physical }): [string, string] => [hex(virtual), hex(physical)]);
    expect(pages.sort(byAddress)).to.deep.equal(built.sort(byAddress));
  });

  it('what the hypervisor lets its machine only read is refused to a write, by the second stage', async () => {
    const { pages } = hypervisor;
    const answers = await translate(
      pages.map(({ virtual }) => virtual),
      '--write',
    );
    expect(answers.map(({ valid }) => valid)).to.deep.equal(pages.map(({ isReadOnly }) => !isReadOnly));
    expect(pages.some(({ isReadOnly }) => isReadOnly)).to.equal(true);
    for (const { valid, nested } of answers)
      if (!valid) expect(nested?.fault).to.include({ purpose: 'final', cause: 'privilege-violation' });
  });

  it('a page that the machine never touched is missing in the second stage, and one without entry in the first', async () => {
    const [untouched, absent] = await translate([hypervisor.untouched.virtual, hypervisor.absent]);
    expect(untouched?.nested?.fault).to.include({
      purpose: 'final',
      cause: 'not-present',
      l2PhysicalAddress: hex(hypervisor.untouched.guestPhysical),
    });
    expect(absent).to.deep.include({ valid: false, error: 'NOT_PRESENT' });
    expect(absent?.nested?.fault).to.equal(null);
  });
});
