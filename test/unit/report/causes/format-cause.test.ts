import { expect } from 'chai';
import type {
  DeviceStateCause,
  MemoryCause,
  PeerCause,
  StubCause,
  UnavailableCause,
  UnusedCause,
} from '../../../../src/guest/index.ts';
import { formatCause, type ReportedCause } from '../../../../src/report/index.ts';

type GuestCause = DeviceStateCause | MemoryCause | PeerCause | StubCause | UnavailableCause | UnusedCause;
/** What the command itself has to say: of its options, and of files that it reads. */
type CommandCode = 'vtl-not-given' | 'vtl-partly-given' | 'as-saved';

describe('report/formatCause', () => {
  it('has a sentence for each cause of the guest layer, and none besides but the command’s own', () => {
    // The compiler is the test: with a cause that has no sentence the first line is wrong, with a sentence too many the second.
    const all = (cause: GuestCause): ReportedCause => cause;
    const isKnown = (code: ReportedCause['code']): GuestCause['code'] | CommandCode => code;
    expect(formatCause(all({ code: 'no-qom-path' }))).to.equal('the monitor shows no QOM path of a vCPU');
    expect(isKnown('svm-off')).to.equal('svm-off');
  });

  it('puts the evidence into the sentence', () => {
    const causes: readonly ReportedCause[] = [
      { code: 'no-usable-property', path: '/machine/cpu', property: 'phys-bits' },
      { code: 'vmcb-unbacked', vmcb: 0x6000n, hostSaveArea: 0x7000n },
      { code: 'several-holders', endpoint: 'unix:/qmp', pids: [3, 4] },
      { code: 'saved-only-when-paused', register: 'memoryTypes' },
      { code: 'not-kept', register: 'pkru' },
      { code: 'vtl-not-given', vtl: 1 },
    ];
    expect(causes.map(formatCause)).to.deep.equal([
      '/machine/cpu has no usable property "phys-bits"',
      'not all of the VMCB at 0x6000 and the host-save area at 0x7000 is in memory',
      'several processes hold the socket behind unix:/qmp (3, 4)',
      'PAT and MTRRs are in the device state, which cannot be saved while the guest runs',
      'PKRU was not kept',
      'no registers of VTL 1 were given: --vtl 1 --cr3 VALUE --set NAME=VALUE',
    ]);
  });

  it('names three of many types of devices', () => {
    const sentence = formatCause({ code: 'untried-devices', types: ['a', 'b', 'c', 'd', 'e'] });
    expect(sentence).to.match(/devices of type "a", "b", "c" and 2 more are not known to survive it$/);
  });
});
