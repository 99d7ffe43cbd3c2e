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

  it('is whole where QEMU says all of it', async () => {
    const asked: (readonly string[])[] = [];
    const monitor = fakeMonitor({
      qomGet: async (path, name) => {
        asked.push([path, name]);
        return { ...KNOWN, vendor: 'AuthenticAMD', pse36: false, pdpe1gb: true }[name];
      },
      usesKvm: async () => true,
      qemuVersion: async () => [10, 0, 2],
    });
    const read = (value: unknown, name: string) => ({ value, from: 'qom', detail: `${PATH}.${name}` });
    expect(await readProcessor(monitor, PATH)).to.deep.equal({
      accelerator: { value: 'kvm', from: 'monitor', detail: 'query-kvm' },
      qemuVersion: [10, 0, 2],
      maxPhyAddr: read(46, 'phys-bits'),
      vendor: read('amd', 'vendor'),
      pse36: read(false, 'pse36'),
      pdpe1gb: read(true, 'pdpe1gb'),
    });
    expect(asked).to.deep.equal(['phys-bits', 'vendor', 'pse36', 'pdpe1gb'].map((name) => [PATH, name]));
  });

  it('is taken for the widest Intel processor where QEMU says nothing', async () => {
    const silent = fakeMonitor({ usesKvm: async () => undefined });
    const assumed = (value: unknown, property: string) => {
      return { value, from: 'assumed', cause: { code: 'no-usable-property', path: '/a\\u001b', property } };
    };
    expect(await readProcessor(silent, '/a\u001b')).to.deep.equal({
      accelerator: { value: 'tcg', from: 'assumed', cause: { code: 'accelerator-not-told' } },
      qemuVersion: [7, 2, 22],
      maxPhyAddr: assumed(52, 'phys-bits'),
      vendor: assumed('intel', 'vendor'),
      pse36: assumed(true, 'pse36'),
      pdpe1gb: assumed(true, 'pdpe1gb'),
    });
    const nowhere = (value: unknown) => ({ value, from: 'assumed', cause: { code: 'no-qom-path' } });
    const { maxPhyAddr, vendor, pse36, pdpe1gb } = await readProcessor(silent, undefined);
    expect([maxPhyAddr, vendor, pse36, pdpe1gb]).to.deep.equal([52, 'intel', true, true].map(nowhere));
  });

  for (const width of [32, 52]) {
    it(`a processor may have ${width} bits of physical addresses`, async () => {
      const { maxPhyAddr } = await readProcessor(monitorWith({ ...KNOWN, 'phys-bits': width }), PATH);
      expect(maxPhyAddr).to.include({ value: width, from: 'qom' });
    });
  }
});
