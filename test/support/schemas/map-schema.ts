import * as z from 'zod';
import { areasOfLine, ownerSchema } from './linux-schema.ts';
import { assumptionSchema, regionSchema, stageSchema } from './translation-schema.ts';

const hex = z.string().regex(/^0x(0|[1-9a-f][0-9a-f]{0,15})$/);
/** A page that may not be read is one that a second stage lets be executed alone. */
export const rightsSchema = z.strictObject({
  read: z.literal(false).exactOptional(),
  write: z.boolean(),
  user: z.boolean(),
  exec: z.boolean(),
});
const attributes = { rights: rightsSchema, protectionKey: z.int().min(0).max(15).nullable(), global: z.boolean() };
const pageSize = z.literal([2 ** 12, 2 ** 21, 2 ** 22, 2 ** 30]);
const leaves = z.record(z.string().regex(/^(4096|2097152|4194304|1073741824)$/), z.int().min(1));

/** One line of `pagewalk map --json`, to the last field: what scripts may rely on. */
export const mapLineSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('map'),
    of: z.enum(['ranges', 'pages']),
    cpu: z.int().min(0),
    mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
    cr3: hex,
    changes: z.array(z.string()),
    profile: z.string().nullable(),
    /** Where names were asked for. */
    owner: ownerSchema.nullable().exactOptional(),
    first: hex,
    last: hex,
    filter: z.string().nullable(),
    assumed: z.array(assumptionSchema),
    /** Where the map leads through a second stage. */
    nested: stageSchema.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('range'),
    first: hex,
    last: hex,
    ...attributes,
    leaves,
    accessed: z.int().min(0),
    dirty: z.int().min(0),
    physicalFirst: hex,
    physicalLowest: hex,
    physicalHighest: hex,
    physicalPieces: z.int().min(1),
    regions: z.array(regionSchema).min(1),
    ...areasOfLine,
  }),
  z.strictObject({
    kind: z.literal('page'),
    address: hex,
    size: pageSize,
    ...attributes,
    accessed: z.boolean(),
    dirty: z.boolean(),
    physicalAddress: hex,
    region: regionSchema,
    ...areasOfLine,
  }),
  z.strictObject({
    kind: z.literal('end'),
    complete: z.boolean(),
    count: z.int().min(0),
    rootReadable: z.boolean(),
    tablePages: z.int().min(0),
    reservedEntries: z.int().min(0),
    unbackedTables: z.int().min(0),
  }),
]);

export type MapLine = z.output<typeof mapLineSchema>;
export type MapPageLine = Extract<MapLine, { kind: 'page' }>;
export type MapRangeLine = Extract<MapLine, { kind: 'range' }>;

/** One line of `pagewalk find --json`. */
export const aliasLineSchema = z.strictObject({
  kind: z.literal('alias'),
  first: hex,
  last: hex,
  physicalFirst: hex,
  /** Of a nested guest. */
  physicalSpace: z.enum(['L1', 'L2']).exactOptional(),
  /** Null where paging is off. */
  pageSize: pageSize.nullable(),
  ...attributes,
  leaves: z.int().min(0),
  accessed: z.int().min(0),
  dirty: z.int().min(0),
  ...areasOfLine,
  /** Where several address spaces were looked through; null for the kernel's half. */
  owner: ownerSchema.nullable().exactOptional(),
});

/** The last line of `pagewalk find --json`. */
export const aliasEndSchema = z.strictObject({
  kind: z.literal('end'),
  complete: z.boolean(),
  count: z.int().min(0),
  rootReadable: z.boolean(),
  assumed: z.array(assumptionSchema),
});

export const sideSchema = z.strictObject({
  pageSize: pageSize.nullable(),
  ...attributes,
  physicalFirst: hex.nullable(),
  accessed: z.int().min(0),
  dirty: z.int().min(0),
});

/** One line of `pagewalk diff --json`. */
export const changeLineSchema = z.strictObject({
  kind: z.literal('change'),
  first: hex,
  last: hex,
  differences: z
    .array(z.enum(['appeared', 'vanished', 'rights', 'key', 'global', 'size', 'moved', 'accessed', 'dirty']))
    .min(1),
  pieces: z.int().min(1),
  before: sideSchema.nullable(),
  after: sideSchema.nullable(),
});

export const amountSchema = z.strictObject({
  bytes: z.string().regex(/^[0-9]+$/),
  leaves,
  accessed: z.int().min(0),
  dirty: z.int().min(0),
});
export const notableSchema = z.strictObject({
  count: z.int().min(0),
  bytes: z.string().regex(/^[0-9]+$/),
  first: z.array(z.strictObject({ first: hex, last: hex, rights: rightsSchema })),
});

/** The line of `pagewalk map --summary --json`. */
export const summaryLineSchema = z.strictObject({
  kind: z.literal('summary'),
  complete: z.boolean(),
  rootReadable: z.boolean(),
  ranges: z.int().min(0),
  byRights: z.record(z.string().regex(/^[r-][w-][x-][u-]$/), amountSchema),
  total: amountSchema,
  tablePages: z.int().min(0),
  reservedEntries: z.int().min(0),
  unbackedTables: z.int().min(0),
  writableExecutable: notableSchema,
  userInUpperHalf: notableSchema,
});

const usage = {
  pages: z.int().min(0),
  touched: z.int().min(0),
  written: z.int().min(0),
  dirtyBefore: z.int().min(0),
  size: z.int().min(0),
  touchedSize: z.int().min(0),
  writtenSize: z.int().min(0),
};

/** One line of `pagewalk watch --json`. */
export const usageLineSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('round'),
    round: z.int().min(1),
    ms: z.int().min(0),
    cpu: z.int().min(0),
    mode: z.enum(['off', '32-bit', 'pae', '4-level', '5-level']),
    cr3: hex,
    exact: z.boolean(),
    ...usage,
  }),
  z.strictObject({
    kind: z.literal('range'),
    round: z.int().min(1),
    first: hex,
    last: hex,
    rights: rightsSchema,
    ...usage,
    strip: z.string().regex(/^[.aAwW]{1,64}$/),
  }),
]);
