import type { LinuxArea, LinuxAreaKind } from '../../linux/index.ts';
import { printable } from './printable.ts';

/** What lies in a range of linear addresses: the first of it, and how much more there is. @public */
export interface ReportedAreas {
  readonly areas: readonly Pick<LinuxArea, 'kind' | 'name'>[];
  readonly more: number;
}

/** Those in brackets are written so by /proc/PID/maps. */
const WORDS: Readonly<Record<Exclude<LinuxAreaKind, 'module' | 'file' | 'special'>, string>> = {
  text: 'kernel text',
  rodata: 'kernel rodata',
  data: 'kernel data',
  bss: 'kernel bss',
  init: 'kernel init',
  image: 'kernel image',
  modules: 'modules',
  'direct-map': 'direct map',
  vmalloc: 'vmalloc',
  vmemmap: 'vmemmap',
  'kasan-shadow': 'KASAN shadow',
  'cpu-entry-area': 'CPU entry area',
  espfix: 'ESPFIX stacks',
  'ldt-remap': 'LDT remap',
  efi: 'EFI runtime',
  fixmap: 'fixmap',
  vsyscall: '[vsyscall]',
  stack: '[stack]',
  heap: '[heap]',
  anonymous: 'anonymous',
};

/** `direct map`, `module fuse`, `/bin/busybox`, `[heap]`. @public */
export function formatArea({ kind, name }: Pick<LinuxArea, 'kind' | 'name'>): string {
  if (kind === 'module') return `module ${printable(name ?? '')}`;
  if (kind === 'file' || kind === 'special') return printable(name ?? 'a file');
  return WORDS[kind];
}

/** `[heap], anonymous, 3 more`; empty where nothing is known. @public */
export function formatAreas({ areas, more }: ReportedAreas): string {
  return [...areas.map(formatArea), ...(more === 0 ? [] : [`${more} more`])].join(', ');
}

/** @internal */
export function encodeArea({ kind, name }: Pick<LinuxArea, 'kind' | 'name'>): object {
  return { kind, name };
}

/** All fields of a line that say what Linux keeps there; none where nothing was asked. @internal */
export function areaFields(areas: ReportedAreas | null): object {
  if (areas === null) return {};
  return { areas: areas.areas.map(encodeArea), ...(areas.more === 0 ? {} : { moreAreas: areas.more }) };
}
