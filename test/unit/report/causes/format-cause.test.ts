import { expect } from 'chai';
import type {
  DeviceStateCause,
  MemoryCause,
  PeerCause,
  StubCause,
  UnavailableCause,
  UnusedCause,
} from '../../../../src/guest/index.ts';
import { type CauseEvidence, formatCause, type ReportedCause } from '../../../../src/report/index.ts';

type GuestCause = DeviceStateCause | MemoryCause | PeerCause | StubCause | UnavailableCause | UnusedCause;
/** What the command itself has to say: of its options, and of files that it reads. */
type CommandCode = 'vtl-not-given' | 'vtl-partly-given' | 'as-saved';

const endpoint = 'unix:/run/vm.qmp';
const block = 'pc.ram';
const message = 'EACCES: no';
const pid = 4711;

/** Of every cause some evidence, and what of it the sentence must show. */
const EVIDENCE: { readonly [Code in keyof CauseEvidence]: readonly [CauseEvidence[Code], ...shown: string[]] } = {
  'not-linux': [{}, 'Linux'],
  'not-connected': [{}, 'not connected'],
  'behind-command': [{ endpoint }, endpoint],
  'unseen-there': [{ endpoint, message: 'no such process' }, endpoint, 'no such process'],
  'proc-unreadable': [{ endpoint, message }, endpoint, message],
  'not-on-this-host': [{ endpoint }, endpoint],
  'too-many-processes': [{}, 'too many processes'],
  'several-holders': [{ endpoint, pids: [3, 4] }, endpoint, '(3, 4)'],
  'foreign-connection': [{ endpoint, pid }, endpoint, '4711', 'another user'],
  'closed-to-its-user': [{ pid }, '4711'],
  'process-changed': [{ pid }, '4711'],
  'no-socket-file': [{}, 'which file'],
  'untrusted-file-system': [{ endpoint }, endpoint, 'FUSE'],
  'ambiguous-sockets': [{}, 'another row'],
  'only-listens': [{ endpoint, pid }, endpoint, '4711'],
  namesake: [{ path: '/run/vm.qmp' }, '"/run/vm.qmp"'],
  'qemu-of-another-user': [{ endpoint, pid }, endpoint, '4711'],
  'held-by-program': [{ endpoint, pid, program: null }, 'another program', '4711'],
  'no-qemu-seen': [{ endpoint, isRoot: false }, endpoint, 'run as the user that runs QEMU'],
  'does-not-listen': [{ pid }, '4711'],
  'places-unknown': [{}, 'does not say where'],
  'no-permission': [{ message }, message, 'ptrace_scope'],
  unreadable: [{ message }, message],
  'program-changed': [{ pid }, '4711'],
  'block-elsewhere': [{ block }, block],
  'no-file': [{ block }, block],
  'private-file': [{ block }, block, 'share=off'],
  'file-unreachable': [{ block }, block],
  unverified: [{}, 'zero'],
  differs: [{ page: 0x5000n }, '0x5000'],
  'untried-qemu': [{ version: '7.1' }, 'QEMU 7.1'],
  'unsafe-run-state': [{ status: 'save-vm' }, '"save-vm"'],
  migrating: [{ status: 'active' }, '"active"'],
  'non-migratable': [{ device: 'nvme' }, '"nvme"'],
  'migration-blocked': [{ blocker: 'dump in progress' }, '"dump in progress"'],
  'untried-devices': [{ types: ['igb'] }, '"igb"'],
  'not-given': [{ what: 'RFLAGS' }, 'RFLAGS is not given'],
  'not-in-dump': [{ what: 'MAXPHYADDR' }, 'MAXPHYADDR', 'the dump'],
  'left-out': [{}, 'makedumpfile', 'zero'],
  'ran-while-read': [{}, 'ran while'],
  'stub-tells-no-run-state': [{}, '--qmp'],
  'saved-only-when-paused': [{ register: 'pdptes' }, 'a PDPTE register is'],
  'no-qmp': [{}, 'no QMP'],
  'no-saved-vcpu': [{ cpu: 7 }, 'vCPU 7'],
  'device-state-unreadable': [{ message }, message],
  'kvm-hides-nested-tables': [{}, '--nested'],
  'smep-not-stated': [{}, 'npt:ROOT,MODE,smep'],
  'host-save-area-unbacked': [{ address: 0x7000n }, '0x7000'],
  'vmcb-unbacked': [{ vmcb: 0x6000n, hostSaveArea: 0x7000n }, '0x6000', '0x7000'],
  'no-qom-path': [{}, 'QOM path'],
  'no-usable-property': [{ path: '/machine', property: 'pse36' }, '/machine', '"pse36"'],
  'accelerator-not-told': [{}, 'what runs the guest'],
  'not-kept': [{ register: 'memoryTypes' }, 'were not kept'],
  'not-in-source': [{ register: 'memoryTypes' }, 'are not known'],
  'vtl-not-given': [{ vtl: 1 }, '--vtl 1'],
  'vtl-partly-given': [{ vtl: 1 }, 'VTL 1'],
  'as-saved': [{ text: 'as it was' }, 'as it was'],
  'no-protection-keys': [{ bit: 'PKS' }, 'CR4.PKS=0'],
  'no-pdpte-registers': [{}, 'TCG'],
  'own-code-mapped': [{}, 'CS:RIP', 'L2'],
  'efer-decides-nothing': [{}, 'EFER', 'PAE'],
  'svm-off': [{}, 'EFER.SVME=0'],
  'smep-decides-nothing': [{}, 'EFER.NXE=1'],
  'no-c-bit': [{}, 'C-bit'],
  'no-profile': [{}, 'the architecture'],
  'no-machine': [{}, 'no machine'],
};

describe('report/formatCause', () => {
  it('makes a sentence of every cause, with its evidence', () => {
    for (const [code, [evidence, ...shown]] of Object.entries(EVIDENCE)) {
      const sentence = formatCause({ code, ...evidence } as ReportedCause);
      for (const part of shown) expect(sentence, code).to.contain(part);
      expect(sentence, code).to.not.match(/undefined|object Object/);
    }
  });

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
    const sentence = (types: readonly string[]) => formatCause({ code: 'untried-devices', types });
    expect(sentence(['a', 'b', 'c', 'd', 'e'])).to.match(
      /devices of type "a", "b", "c" and 2 more are not known to survive it$/,
    );
    expect(sentence(['a', 'b', 'c'])).to.match(/devices of type "a", "b", "c" are not known to survive it$/);
  });
});
