/** A socket of a QEMU. @public */
export interface ReportedChannel {
  readonly purpose: 'qmp' | 'hmp' | 'gdb' | 'unknown';
  readonly endpoint: string | null;
  readonly address: string;
  readonly state: 'free' | 'held' | 'absent' | 'unknown';
  readonly holder: { readonly pid: number; readonly program: string | null } | null;
}

/** A QEMU of a host. @public */
export interface ReportedGuest {
  readonly pid: number;
  readonly name: string | null;
  readonly uid: number;
  readonly user: string | null;
  readonly program: string;
  readonly accelerator: string | null;
  readonly machine: string | null;
  readonly libvirt: { readonly uri: string; readonly domain: string; readonly isProven: boolean } | null;
  readonly container: string | null;
  readonly otherNamespaces: readonly string[];
  readonly innerPid: number | null;
  readonly channels: readonly ReportedChannel[];
  readonly reach: { readonly qmp: string } | { readonly gdb: string } | null;
}
