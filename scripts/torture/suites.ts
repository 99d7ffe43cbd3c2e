import { hostile } from './hostile/hostile.ts';
import { kills } from './kills/kills.ts';
import { libvirt } from './libvirt/libvirt.ts';
import { load } from './load/load.ts';
import { soak } from './load/soak.ts';
import { others } from './others/others.ts';
import type { Suite } from './scenario.ts';
import { tls } from './tls/tls.ts';
import { cuts, orders, wire } from './wire/wire.ts';

/** Every part of the suite, in the order in which they run when none is named. */
export const SUITES: readonly Suite[] = [kills, wire, orders, libvirt, tls, hostile, others, load, cuts, soak];
