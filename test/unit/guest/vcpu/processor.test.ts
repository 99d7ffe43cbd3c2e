import { expect } from 'chai';
import { readProcessor } from '../../../../src/guest/vcpu/processor.ts';
import { fakeMonitor } from '../../../support/fakes/fake-monitor.ts';
import { wordsOf } from '../../../support/words-of.ts';

type Properties = Readonly<Record<string, string | number | boolean>>;

function monitorWith(properties: Properties) {
  return fakeMonitor({ qomGet: (_path, name) => Promise.resolve(properties[name]) });
}

const KNOWN: Properties = { 'phys-bits': 46, vendor: 'GenuineIntel', pse36: true, pdpe1gb: false };
const PATH = '/machine/unattached/device[0]';

describe('what CPUID tells the guest', () => {
  it('is read from the first vCPU’s properties, and says so', async () => {
    const processor = await readProcessor(monitorWith(KNOWN), PATH);
    expect(processor.maxPhyAddr).to.deep.equal({ value: 46, from: 'qom', detail: `${PATH}.phys-bits` });
    expect(processor.vendor.value).to.equal('intel');
    expect(processor.pse36).to.deep.equal({ value: true, from: 'qom', detail: `${PATH}.pse36` });
    expect(processor.pdpe1gb).to.deep.equal({ value: false, from: 'qom', detail: `${PATH}.pdpe1gb` });
    expect(processor.accelerator).to.deep.equal({ value: 'tcg', from: 'monitor', detail: 'query-kvm' });
    expect(processor.qemuVersion).to.deep.equal([7, 2, 22]);
  });

  for (const [vendor, manual] of Object.entries({
    GenuineIntel: 'intel',
    AuthenticAMD: 'amd',
    HygonGenuine: 'amd',
    CentaurHauls: 'intel',
  })) {
    it(`a processor of ${vendor} follows the manual of ${manual}`, async () => {
      const { vendor: read } = await readProcessor(monitorWith({ ...KNOWN, vendor }), PATH);
      expect(read).to.include({ value: manual, from: 'qom' });
    });
  }

  it('what QEMU does not say is assumed, with the reason', async () => {
    const processor = await readProcessor(monitorWith({}), PATH);
    for (const value of [processor.maxPhyAddr, processor.vendor, processor.pse36, processor.pdpe1gb]) {
      expect(value.from).to.equal('assumed');
      expect(wordsOf(value)).to.match(/has no usable property/);
    }
    expect(processor.maxPhyAddr.value, 'the width at which nothing is reserved').to.equal(52);
  });

  for (const width of [0, 31, 53, -1]) {
    it(`a width of ${width} bits is no width of a processor`, async () => {
      const { maxPhyAddr } = await readProcessor(monitorWith({ ...KNOWN, 'phys-bits': width }), PATH);
      expect(maxPhyAddr).to.include({ value: 52, from: 'assumed' });
    });
  }

  it('values of another type are not believed', async () => {
    const strange = { 'phys-bits': '46', vendor: 1, pse36: 'yes', pdpe1gb: 1 };
    const processor = await readProcessor(monitorWith(strange), PATH);
    for (const value of [processor.maxPhyAddr, processor.vendor, processor.pse36, processor.pdpe1gb]) {
      expect(value.from).to.equal('assumed');
    }
  });

  it('without a QOM path nothing is asked', async () => {
    const monitor = fakeMonitor({ qomGet: () => Promise.reject(new Error('asked')) });
    const { maxPhyAddr } = await readProcessor(monitor, undefined);
    expect(maxPhyAddr).to.deep.include({ from: 'assumed', cause: { code: 'no-qom-path' } });
  });

  it('names what runs the guest, or assumes TCG', async () => {
    const of = async (usesKvm: boolean | undefined) =>
      (await readProcessor(fakeMonitor({ usesKvm: () => Promise.resolve(usesKvm) }), PATH)).accelerator;
    expect(await of(true)).to.include({ value: 'kvm', from: 'monitor' });
    expect(await of(false)).to.include({ value: 'tcg', from: 'monitor' });
    expect(await of(undefined)).to.include({ value: 'tcg', from: 'assumed' });
  });
});
