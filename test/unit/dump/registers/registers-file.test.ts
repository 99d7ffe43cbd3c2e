import { expect } from 'chai';
import { DumpError } from '../../../../src/dump/index.ts';
import { parseRegisters } from '../../../../src/dump/registers/registers-file.ts';

const register = (value: string, source = 'gdb-stub') => ({ value, source, detail: `register, ${source}` });
const STATE = {
  cpu: 1,
  registers: {
    cr0: register('0x80010011'),
    cr3: register('0x1000'),
    cr4: register('0x400020'),
    efer: register('0xd01'),
    rflags: register('0x2'),
    cs: register('0x10'),
    ss: register('0x18'),
    cpl: { value: 3, source: 'monitor', detail: 'CPL' },
    pkru: register('0x5', 'assumed'),
    pkrs: register('0x0', 'not-in-use'),
    nested: { value: null, source: 'not-in-use', detail: 'EFER.SVME=0' },
  },
  processor: {
    maxPhyAddr: { value: 40, source: 'qom', detail: 'phys-bits' },
    vendor: { value: 'amd', source: 'qom', detail: 'vendor' },
    pse36: { value: true, source: 'qom', detail: 'pse36' },
    pdpe1gb: { value: true, source: 'qom', detail: 'pdpe1gb' },
  },
  memory: [{ kind: 'ram', name: 'pc.ram', first: '0x0', last: '0xfff' }],
};

function refusal(text: string): string {
  try {
    parseRegisters(text, 'registers');
    return 'it was taken';
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

describe('a file of registers', () => {
  it('is lines of state --json: what was assumed when they were saved is assumed still', () => {
    const { vcpus, regions } = parseRegisters(`${JSON.stringify(STATE)}\n`, 'registers');
    expect(vcpus).to.have.lengthOf(1);
    expect(vcpus[0]).to.deep.include({ cpu: 1, cr3: 0x1000n, cpl: 3, mayRunNested: false });
    expect(vcpus[0]?.efer).to.deep.equal({ value: 0xd01n });
    expect(vcpus[0]?.keys).to.deep.equal({ pkru: { value: 5, assumed: 'register, assumed' } });
    expect(vcpus[0]?.features.maxPhyAddr).to.deep.equal({ value: 40 });
    expect(regions?.map(({ name }) => name)).to.deep.equal(['pc.ram']);
  });

  const WRONG: Readonly<Record<string, readonly [string, RegExp]>> = {
    'some other JSON': ['{"a":1}', /line 1 is not what .*cpu/],
    'JSON that is cut off': [JSON.stringify(STATE).slice(0, 80), /line 1 is no JSON/],
    'one vCPU twice': [`${JSON.stringify(STATE)}\n${JSON.stringify(STATE)}`, /one vCPU twice/],
    'a memory map out of order': [
      JSON.stringify({ ...STATE, memory: [...STATE.memory, ...STATE.memory] }),
      /out of order at 0x0/,
    ],
    'a nested guest': [
      JSON.stringify({ ...STATE, registers: { ...STATE.registers, nested: { value: { kind: 'npt' }, source: 'x' } } }),
      /--nested/,
    ],
    'some other text': ['hello', /neither what info registers -a prints/],
    nothing: ['', /neither what info registers -a prints/],
  };
  for (const [name, [text, message]] of Object.entries(WRONG)) {
    it(`is refused where it holds ${name}`, () =>
      expect(refusal(text))
        .to.match(message)
        .and.match(/^ERR_DUMP_REGISTERS/));
  }
});
