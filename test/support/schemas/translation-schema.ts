import * as z from 'zod';
import { areasOfLine, linuxEntrySchema, ownerSchema, placeSchema } from './linux-schema.ts';

const hex = z.string().regex(/^0x(0|[1-9a-f][0-9a-f]{0,15})$/);
/** An address of 76 bits: page numbers have 64. */
const hexOfPage = z.string().regex(/^0x(0|[1-9a-f][0-9a-f]{0,18})$/);
const error = z.enum(['NOT_PRESENT', 'PRIVILEGE_VIOLATION', 'RESERVED_BITS', 'INVALID_GVA', 'INVALID_GPA']);
const rights = z.strictObject({ write: z.boolean(), user: z.boolean(), exec: z.boolean() });

/** What lies at a physical address. */
export const regionSchema = z.strictObject({ kind: z.enum(['ram', 'rom', 'device', 'none']), name: z.string() });

/** An entry of a walk. */
export const entrySchema = z.strictObject({
  level: z.int().min(1).max(5),
  table: z.enum(['PML5', 'PML4', 'PDPT', 'PD', 'PT']),
  index: z.int().min(0).max(1023),
  address: hex,
  value: hex,
  wrote: z.array(z.enum(['A', 'D'])),
});
/** Entries that lie where no bit can be set; only where there are any. */
export const romEntrySchema = z.strictObject({
  stage: z.enum(['guest', 'nested']),
  level: z.int().min(1).max(5),
  address: hex,
  region: z.strictObject({ kind: z.literal('rom'), name: z.string() }),
});
const inRom = z.array(romEntrySchema).min(1);
const purpose = z.enum(['table', 'final']);

/** What was assumed, and whether it decides. */
export const assumptionSchema = z.strictObject({
  name: z.enum([
    'cr0',
    'cr4',
    'efer',
    'pkru',
    'pkrs',
    'pdptes',
    'nested',
    'hypervisorSmep',
    'rflags',
    'cpl',
    'a20',
    'maxPhyAddr',
    'vendor',
    'pse36',
    'pdpe1gb',
    'accelerator',
    'leftOut',
    'moment',
    'runState',
    'memoryTypes',
    'vtl',
    'hypervisorMemoryTypes',
  ]),
  value: z.union([hex, z.literal(['intel', 'amd', 'kvm', 'tcg', 'running']), z.number(), z.boolean(), z.null()]),
  why: z.string().min(1),
  decides: z.boolean(),
});

/** Both stages, where the vCPU runs a nested guest (L2). */
export const bothStagesSchema = z.strictObject({
  l2PhysicalAddress: hex.nullable(),
  l1PhysicalAddress: hex.nullable(),
  fault: z
    .strictObject({
      purpose,
      cause: z.enum(['not-present', 'reserved-bits', 'misconfiguration', 'privilege-violation', 'unbacked-table']),
      l2PhysicalAddress: hex,
      exitInfo1: hex.nullable(),
      exitQualification: hex.nullable(),
      responsibleLevel: z.int().min(1).max(5).nullable(),
      responsibleEntry: hex.nullable(),
      reason: z.string().min(1),
    })
    .nullable(),
  walks: z.array(
    z.strictObject({
      purpose,
      l2PhysicalAddress: hex,
      l1PhysicalAddress: hex.nullable(),
      entries: z.array(entrySchema),
    }),
  ),
});

/** One line of `pagewalk translate --json`, to the last field: what scripts may rely on. */
export const translationLineSchema = z.strictObject({
  linearAddress: hex,
  access: z.strictObject({ write: z.boolean(), user: z.boolean(), exec: z.boolean() }),
  flags: z.strictObject({ setAccessed: z.boolean(), setDirty: z.boolean(), forceSetAccessed: z.boolean() }),
  valid: z.boolean(),
  physicalAddress: hex.nullable(),
  error: error.nullable(),
  errorCode: z.int().min(0).max(5),
  setBitsSucceeded: z.boolean(),
  mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
  pageSize: z.literal([2 ** 12, 2 ** 21, 2 ** 22, 2 ** 30]).nullable(),
  cpu: z.int().min(0),
  entries: z.array(entrySchema),
  fault: z
    .strictObject({
      /** As the library has it, and finer than `error`. */
      cause: z.enum([
        'not-present',
        'reserved-bits',
        'privilege-violation',
        'lass',
        'non-canonical',
        'out-of-range',
        'unbacked-table',
      ]),
      /** Null where the second stage refuses the access: the nested guest sees no exception. */
      vector: z.literal([12, 13, 14]).nullable(),
      errorCode: hex.nullable(),
      responsibleLevel: z.int().min(1).max(5).nullable(),
      responsibleEntry: hex.nullable(),
      reason: z.string().min(1),
    })
    .nullable(),
  rights: rights.nullable(),
  region: regionSchema.nullable(),
  assumed: z.array(assumptionSchema),
  /** Where names were asked for. */
  place: placeSchema.nullable().optional(),
  ...areasOfLine,
  linuxEntry: linuxEntrySchema.exactOptional(),
  owner: ownerSchema.nullable().exactOptional(),
  /** Where the guest's own machine would answer otherwise. */
  deviation: z.string().min(1).optional(),
  inRom: inRom.optional(),
  /** Where the vCPU runs a nested guest (L2). */
  nested: bothStagesSchema.optional(),
});

export type TranslationLine = z.output<typeof translationLineSchema>;

const memoryIntercept = z.strictObject({
  type: z.enum(['memoryIntercept', 'nestedMemoryIntercept']),
  targetVtl: z.int().min(0).max(15),
  access: z.enum(['read', 'write', 'execute']),
  causedByGpaAccess: z.boolean(),
  guestLinearAddress: hex,
  guestPhysicalAddress: hex,
});

/** One line of `pagewalk hv-translate --json`, likewise. */
export const hvTranslationLineSchema = z.strictObject({
  linearAddress: hexOfPage,
  hypercall: z.enum(['HvCallTranslateVirtualAddress', 'HvCallTranslateVirtualAddressEx']),
  controlFlags: hex,
  result: z.string(),
  resultCode: z.int().min(0).max(9),
  gpaPage: hex,
  /** With the offset; of a success. */
  gpa: hexOfPage.nullable(),
  cacheType: z.enum(['UC', 'WC', 'WT', 'WP', 'WB']).nullable(),
  overlayPage: z.boolean(),
  /** Where bits were to be set. */
  bitsAreSet: z.boolean().optional(),
  /** A success with TLB_FLUSH_INHIBIT. */
  inhibitsTlbFlush: z.literal(true).optional(),
  /** Of an Intercept. */
  event: memoryIntercept.optional(),
  output: z.string().regex(/^([0-9a-f]{2})+$/),
  mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
  cpu: z.int().min(0),
  /** Where there was word of VTLs. */
  vtl: z.int().min(0).max(15).optional(),
  cpl: z.int().min(0).max(3),
  entries: z.array(entrySchema),
  reason: z.string().min(1).nullable(),
  deviation: z.string().min(1).optional(),
  inRom: inRom.optional(),
  assumed: z.array(assumptionSchema),
  /** Where the vCPU runs a nested guest (L2). */
  nested: bothStagesSchema.optional(),
});

export type HvTranslationLine = z.output<typeof hvTranslationLineSchema>;

/** Of an output that is not ours an address may be absent, and of other events nothing but the type is decoded. */
const decodedEvent = z.union([
  memoryIntercept.extend({ guestLinearAddress: hex.nullable() }),
  z.strictObject({
    type: z.enum(['exception', 'virtualizationFault', 'hypercallOutput', 'extInt', 'shadowIpt', 'unknown']),
  }),
]);
const hvOutput = {
  result: z.string(),
  resultCode: z.int().min(0).max(0xffff_ffff),
  gpaPage: hex,
  cacheType: z.string().nullable(),
  overlayPage: z.boolean(),
};

/** What `pagewalk hv-translate --decode --json` prints, likewise. */
export const hvBytesSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('input'),
    partitionId: hex,
    vpIndex: z.int().min(0).max(0xffff_ffff),
    controlFlags: hex,
    flags: z.array(z.string()),
    gvaPage: hex,
    linearAddress: hexOfPage,
  }),
  z.strictObject({ kind: z.literal('output'), ...hvOutput }),
  z.strictObject({ kind: z.literal('output-ex'), ...hvOutput, event: decodedEvent.nullable() }),
]);

const sourced = <Value extends z.ZodType>(value: Value) =>
  z.strictObject({
    value,
    source: z.enum([
      'gdb-stub',
      'qom',
      'monitor',
      'device-state',
      'dump',
      'registers-file',
      'given',
      'not-in-use',
      'assumed',
    ]),
    detail: z.string().min(1),
  });

const tables = { root: hex, mode: z.enum(['32-bit', 'pae', '4-level', '5-level']) };
/** A second stage, what points to its tables and how they are read. */
export const stageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('npt'),
    nestedCr3: hex,
    ...tables,
    executeDisable: z.boolean(),
    guestModeExecuteTrap: z.literal(true).exactOptional(),
    supervisorShadowStackCheck: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('ept'),
    eptp: hex,
    ...tables,
    tableMemoryType: z.enum(['UC', 'WB']),
    accessedDirty: z.boolean(),
  }),
]);

/** What `pagewalk state --json` prints, likewise. */
export const stateLineSchema = z.strictObject({
  cpu: z.int().min(0),
  cpuCount: z.int().min(1),
  cpus: z.array(z.int().min(0)).min(1),
  mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
  root: hex.nullable(),
  linearAddressBits: z.literal([32, 48, 57]),
  runState: z.enum(['running', 'paused']).nullable(),
  registers: z.strictObject({
    cr0: sourced(hex),
    cr3: sourced(hex),
    cr4: sourced(hex),
    efer: sourced(hex),
    rflags: sourced(hex),
    cs: sourced(hex),
    ss: sourced(hex),
    cpl: sourced(z.int().min(0).max(3)),
    a20: sourced(z.boolean()),
    pkru: sourced(hex),
    pkrs: sourced(hex),
    rip: sourced(hex).exactOptional(),
    rsp: sourced(hex).exactOptional(),
    cr2: sourced(hex).exactOptional(),
    csBase: sourced(hex).exactOptional(),
    ssBase: sourced(hex).exactOptional(),
    dsBase: sourced(hex).exactOptional(),
    esBase: sourced(hex).exactOptional(),
    fsBase: sourced(hex).exactOptional(),
    gsBase: sourced(hex).exactOptional(),
    nested: sourced(stageSchema.nullable()),
  }),
  processor: z.strictObject({
    maxPhyAddr: sourced(z.int().min(32).max(52)),
    vendor: sourced(z.enum(['intel', 'amd'])),
    pse36: sourced(z.boolean()),
    pdpe1gb: sourced(z.boolean()),
  }),
  memory: z.array(
    z.strictObject({ kind: z.enum(['ram', 'rom', 'device', 'none']), name: z.string(), first: hex, last: hex }),
  ),
  memoryAccess: z.strictObject({
    provider: z.enum(['host-file', 'host-process', 'gdb-stub', 'dump']),
    attempts: z.array(z.strictObject({ provider: z.enum(['host-file', 'host-process']), reason: z.string().min(1) })),
  }),
  assumed: z.array(assumptionSchema),
  owner: ownerSchema.nullable().exactOptional(),
  place: placeSchema.nullable().exactOptional(),
});

/** One line of `pagewalk state --cpu all --json`. */
export const vcpuLineSchema = z.strictObject({
  cpu: z.int().min(0),
  mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
  cpl: z.int().min(0).max(3),
  cr3: hex,
  rip: hex.nullable(),
  owner: ownerSchema.nullable().optional(),
  place: placeSchema.nullable().optional(),
  assumed: z.array(assumptionSchema),
});
