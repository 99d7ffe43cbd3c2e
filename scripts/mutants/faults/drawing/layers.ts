/** A layer of the product, and how many of the faults in it that change what it does must be noticed, in per cent. */
export interface FaultFloor {
  readonly layer: string;
  /** Below dist. */
  readonly folder: string;
  readonly percent: number;
  /** Whether much of it is done with a guest alone: tests with one are its judges, too. */
  readonly isLive: boolean;
}

export const FAULT_FLOORS: readonly FaultFloor[] = [
  { layer: 'paging', folder: 'src/paging/', percent: 95, isLive: false },
  { layer: 'abi', folder: 'src/abi/', percent: 95, isLive: false },
  { layer: 'report', folder: 'src/report/', percent: 95, isLive: false },
  { layer: 'gdb', folder: 'protocols/gdb/', percent: 95, isLive: false },
  { layer: 'qmp', folder: 'protocols/qmp/', percent: 95, isLive: false },
  { layer: 'guest', folder: 'src/guest/', percent: 90, isLive: true },
  { layer: 'cli', folder: 'src/cli/', percent: 90, isLive: true },
];
