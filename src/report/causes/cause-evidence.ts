/** The codes of all causes that have a sentence, each with its evidence. @public */
export interface CauseEvidence {
  // Why it is not known which process holds the other end of a connection.
  readonly 'not-linux': object;
  readonly 'not-connected': object;
  readonly 'behind-command': { readonly endpoint: string };
  readonly 'unseen-there': { readonly endpoint: string; readonly message: string };
  readonly 'proc-unreadable': { readonly endpoint: string; readonly message: string };
  readonly 'not-on-this-host': { readonly endpoint: string };
  readonly 'too-many-processes': object;
  readonly 'several-holders': { readonly endpoint: string; readonly pids: readonly number[] };
  readonly 'foreign-connection': { readonly endpoint: string; readonly pid: number };
  readonly 'closed-to-its-user': { readonly pid: number };
  readonly 'process-changed': { readonly pid: number };
  readonly 'no-socket-file': object;
  readonly 'untrusted-file-system': { readonly endpoint: string };
  readonly 'ambiguous-sockets': object;
  readonly 'only-listens': { readonly endpoint: string; readonly pid: number };
  readonly namesake: { readonly path: string };
  readonly 'qemu-of-another-user': { readonly endpoint: string; readonly pid: number };
  readonly 'held-by-program': { readonly endpoint: string; readonly pid: number; readonly program: string | null };
  readonly 'no-qemu-seen': { readonly endpoint: string; readonly isRoot: boolean };
  readonly 'does-not-listen': { readonly pid: number };
  // Why a way to the guest's memory is not used.
  readonly 'places-unknown': object;
  readonly 'no-permission': { readonly message: string };
  readonly unreadable: { readonly message: string };
  readonly 'program-changed': { readonly pid: number };
  readonly 'block-elsewhere': { readonly block: string };
  readonly 'no-file': { readonly block: string };
  readonly 'private-file': { readonly block: string };
  readonly 'file-unreachable': { readonly block: string };
  readonly unverified: object;
  readonly differs: { readonly page: bigint };
  // Why QEMU is not asked for its device state.
  readonly 'untried-qemu': { readonly version: string };
  readonly 'unsafe-run-state': { readonly status: string };
  readonly migrating: { readonly status: string };
  readonly 'non-migratable': { readonly device: string };
  readonly 'migration-blocked': { readonly blocker: string };
  readonly 'untried-devices': { readonly types: readonly string[] };
  // Why a value was unavailable.
  readonly 'not-given': { readonly what: string };
  readonly 'not-in-dump': { readonly what: string };
  readonly 'left-out': object;
  readonly 'ran-while-read': object;
  readonly 'stub-tells-no-run-state': object;
  readonly 'saved-only-when-paused': { readonly register: 'pkru' | 'pkrs' | 'pdptes' | 'nested' | 'memoryTypes' };
  readonly 'no-qmp': object;
  readonly 'no-saved-vcpu': { readonly cpu: number };
  readonly 'device-state-unreadable': { readonly message: string };
  readonly 'kvm-hides-nested-tables': object;
  readonly 'smep-not-stated': object;
  readonly 'host-save-area-unbacked': { readonly address: bigint };
  readonly 'vmcb-unbacked': { readonly vmcb: bigint; readonly hostSaveArea: bigint };
  readonly 'no-qom-path': object;
  readonly 'no-usable-property': { readonly path: string; readonly property: string };
  readonly 'accelerator-not-told': object;
  readonly 'not-kept': { readonly register: 'pkru' | 'pkrs' | 'pdptes' | 'nested' | 'memoryTypes' };
  readonly 'not-in-source': { readonly register: 'pkru' | 'pkrs' | 'pdptes' | 'nested' | 'memoryTypes' };
  readonly 'vtl-not-given': { readonly vtl: number };
  readonly 'vtl-partly-given': { readonly vtl: number };
  /** In the words of the command that saved a map. */
  readonly 'as-saved': { readonly text: string };
  // Why a vCPU does not use a value.
  readonly 'no-protection-keys': { readonly bit: 'PKE' | 'PKS' };
  readonly 'no-pdpte-registers': object;
  readonly 'svm-off': object;
  readonly 'own-code-mapped': object;
  readonly 'efer-decides-nothing': object;
  readonly 'smep-decides-nothing': object;
  readonly 'no-c-bit': object;
  readonly 'no-profile': object;
  readonly 'no-machine': object;
}

/**
 * Why something is unavailable, unused or not done: a code, and its evidence. All causes of the layers below are among these, which
 * the compiler checks where one is handed over.
 *
 * @public
 */
export type ReportedCause = {
  readonly [Code in keyof CauseEvidence]: { readonly code: Code } & CauseEvidence[Code];
}[keyof CauseEvidence];
