import { formatHex } from '../words/format-hex.ts';
import type { CauseEvidence, ReportedCause } from './cause-evidence.ts';

/** Of many types of devices, so many are named. */
const NAMED_TYPES = 3;

/** What is in QEMU's device state alone. */
const SAVED = {
  pkru: 'PKRU',
  pkrs: 'PKRS',
  pdptes: 'a PDPTE register',
  nested: 'the nested state',
  memoryTypes: 'PAT and MTRRs',
} as const;

const SENTENCES: { readonly [Code in keyof CauseEvidence]: (evidence: CauseEvidence[Code]) => string } = {
  // Why it is not known which process holds the other end of a connection.
  'not-linux': () => 'which process holds the other end of a socket is known on Linux only',
  'not-connected': () => 'the GDB stub is not connected',
  'behind-command': ({ endpoint }) =>
    `${endpoint} is reached through a command: which process answers behind it cannot be known. A helper on its host sees that: add --host 'ssh lab'`,
  'unseen-there': ({ endpoint, message }) =>
    `the helper on that host does not see the QEMU behind ${endpoint}: ${message}`,
  'proc-unreadable': ({ endpoint, message }) =>
    `/proc does not show which process holds the other end of ${endpoint} (${message})`,
  'not-on-this-host': ({ endpoint }) => `the other end of ${endpoint} is not on this host, or in a container`,
  'too-many-processes': () => 'this host has too many processes and sockets to look through',
  'several-holders': ({ endpoint, pids }) =>
    `several processes hold the socket behind ${endpoint} (${pids.join(', ')})`,
  'foreign-connection': ({ endpoint, pid }) =>
    `a connection on ${endpoint} that process ${pid} holds was made by another user`,
  'closed-to-its-user': ({ pid }) =>
    `the user of process ${pid} may not look into it (it runs a program with rights of its own)`,
  'process-changed': ({ pid }) => `process ${pid} changed while it was looked at`,
  'no-socket-file': () => 'this system cannot say which file a socket was connected through',
  'untrusted-file-system': ({ endpoint }) =>
    `${endpoint} lies on a file system that is free to say whom a socket belongs to (FUSE, NFS, 9p)`,
  'ambiguous-sockets': () => 'the kernel shows a socket with a name that cannot be told from another row',
  'only-listens': ({ endpoint, pid }) => `process ${pid} has no connection on ${endpoint}, only the socket`,
  namesake: ({ path }) => `another process holds a socket of the name ${JSON.stringify(path)} as well`,
  'qemu-of-another-user': ({ endpoint, pid }) =>
    `${endpoint} is held by a QEMU (process ${pid}) that belongs to another user than the socket`,
  'held-by-program': ({ endpoint, program, pid }) =>
    `${endpoint} is held by ${program ?? 'another program'} (process ${pid}), which is no QEMU: QEMU is behind it, out of sight`,
  'no-qemu-seen': ({ endpoint, isRoot }) =>
    `no QEMU that this process may look into holds the other end of ${endpoint}${isRoot ? '' : '; run as the user that runs QEMU, or as root'}`,
  'does-not-listen': ({ pid }) => `process ${pid} does not listen there`,
  // Why a way to the guest's memory is not used.
  'places-unknown': () => 'QEMU does not say where guest memory is in its own memory',
  'no-permission': ({ message }) =>
    `no permission (${message}): reading it takes the same user as QEMU and a permissive kernel.yama.ptrace_scope, or CAP_SYS_PTRACE`,
  unreadable: ({ message }) => message,
  'program-changed': ({ pid }) => `process ${pid} is not the program any more that it was when we attached`,
  'block-elsewhere': ({ block }) => `${block} is not where QEMU says it is in its memory`,
  'no-file': ({ block }) => `${block} is not a file`,
  'private-file': ({ block }) =>
    `${block} is a private copy of a file (share=off): the file is not what the guest sees`,
  'file-unreachable': ({ block }) => `the file that backs ${block} cannot be opened`,
  unverified: () => 'it could not be verified: every page compared is zero',
  differs: ({ page }) => `it is not the guest's memory: the page at ${formatHex(page)} differs`,
  // Why QEMU is not asked for its device state.
  'untried-qemu': ({ version }) =>
    `saving QEMU's device state was not tried with QEMU ${version}, which may not survive it`,
  'unsafe-run-state': ({ status }) => `saving QEMU's device state is not safe in the run state "${status}"`,
  migrating: ({ status }) => `saving QEMU's device state is not safe while a migration is under way ("${status}")`,
  'non-migratable': ({ device }) =>
    `saving QEMU's device state would end QEMU, as device "${device}" cannot be migrated`,
  'migration-blocked': ({ blocker }) =>
    `saving QEMU's device state may not be safe, as QEMU would not migrate: "${blocker}"`,
  'untried-devices': ({ types }) => {
    const named = types.slice(0, NAMED_TYPES).map((type) => `"${type}"`);
    const more = types.length > NAMED_TYPES ? ` and ${types.length - NAMED_TYPES} more` : '';
    return `saving QEMU's device state may end QEMU: devices of type ${named.join(', ')}${more} are not known to survive it`;
  },
  // Why a value was unavailable.
  'not-given': ({ what }) => `${what} is not given`,
  'not-in-dump': ({ what }) => `the dump does not hold ${what}`,
  'left-out': () =>
    'the dump was made without some pages that were read as page tables (makedumpfile -d): taken to be zero',
  'ran-while-read': () => 'the guest ran while its registers and tables were read',
  'stub-tells-no-run-state': () =>
    'the GDB stub of this QEMU does not tell whether the guest ran before; it is taken to have run, and is resumed. With --qmp this is exact',
  'saved-only-when-paused': ({ register }) =>
    `${SAVED[register]} ${register === 'memoryTypes' ? 'are' : 'is'} in the device state, which cannot be saved while the guest runs`,
  'no-qmp': () => 'the GDB stub does not show it, and there is no QMP',
  'no-saved-vcpu': ({ cpu }) => `QEMU's device state has no vCPU ${cpu}`,
  'device-state-unreadable': ({ message }) => `QEMU's device state cannot be read here: ${message}`,
  'kvm-hides-nested-tables': () =>
    'the vCPU runs a nested guest (L2), and KVM does not show its nested tables: pass them with --nested',
  'smep-not-stated': () => 'the second stage was named without it; npt:ROOT,MODE,smep or no-smep states it',
  'host-save-area-unbacked': ({ address }) =>
    `the host-save area at ${formatHex(address)} is not in memory; --nested npt:ROOT,MODE,smep states it`,
  'vmcb-unbacked': ({ vmcb, hostSaveArea }) =>
    `not all of the VMCB at ${formatHex(vmcb)} and the host-save area at ${formatHex(hostSaveArea)} is in memory`,
  'no-qom-path': () => 'the monitor shows no QOM path of a vCPU',
  'no-usable-property': ({ path, property }) => `${path} has no usable property "${property}"`,
  'accelerator-not-told': () => 'the monitor does not say what runs the guest',
  'not-kept': ({ register }) => `${SAVED[register]} ${register === 'memoryTypes' ? 'were' : 'was'} not kept`,
  'not-in-source': ({ register }) =>
    `${SAVED[register]} ${register === 'memoryTypes' ? 'are' : 'is'} not known where this guest comes from`,
  'vtl-not-given': ({ vtl }) => `no registers of VTL ${vtl} were given: --vtl ${vtl} --cr3 VALUE --set NAME=VALUE`,
  'vtl-partly-given': ({ vtl }) => `VTL ${vtl} has registers of its own, and some were given`,
  /** In the words of the command that saved a map. */
  'as-saved': ({ text }) => text,
  // Why a vCPU does not use a value.
  'no-protection-keys': ({ bit }) => `CR4.${bit}=0, or not in long mode`,
  'no-pdpte-registers': () => 'no PAE paging, or TCG, which reads PDPTEs from memory',
  'svm-off': () => 'EFER.SVME=0',
  'own-code-mapped': () =>
    'the code at CS:RIP is mapped by these tables in this memory, so they are not those of a nested guest (L2)',
  'efer-decides-nothing': () => 'neither long mode nor PAE paging: no bit of EFER takes part',
  'smep-decides-nothing': () => 'no NPT, or one whose hypervisor has EFER.NXE=1, which reports fetches',
  'no-c-bit': () => 'no C-bit is given',
  'no-profile': () => 'no profile is given: the architecture',
  'no-machine': () => 'no machine is said to run the guest',
};

/** A cause as a sentence without its full stop: `the monitor shows no QOM path of a vCPU`. @public */
export function formatCause(cause: ReportedCause): string {
  const sentence: (evidence: never) => string = SENTENCES[cause.code];
  return sentence(cause as never);
}
