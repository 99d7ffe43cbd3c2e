import * as z from 'zod';

const hex = z.string().regex(/^0x(0|[1-9a-f][0-9a-f]{0,15})$/);

/** What an address lies in. */
export const placeSchema = z.strictObject({
  symbol: z.string(),
  offset: hex,
  size: hex,
  type: z.string(),
  module: z.string().nullable(),
});

/** What Linux keeps somewhere. */
export const areaSchema = z.strictObject({ kind: z.string().regex(/^[a-z-]+$/), name: z.string().nullable() });

/** Of a range: the first of them, and how many more there are. */
export const areasOfLine = { areas: z.array(areaSchema).exactOptional(), moreAreas: z.int().min(1).exactOptional() };

/** What Linux means by an entry. */
export const linuxEntrySchema = z.strictObject({
  kind: z.enum([
    'empty',
    'no-access',
    'swap',
    'migration',
    'poisoned',
    'device',
    'marker',
    'splitting',
    'unknown',
    'present',
  ]),
  physicalAddress: hex.nullable().exactOptional(),
  isInverted: z.boolean().exactOptional(),
  type: z.int().min(0).nullable().exactOptional(),
  offset: hex.nullable().exactOptional(),
  softDirty: z.boolean().exactOptional(),
  uffdWp: z.boolean().exactOptional(),
  exclusive: z.boolean().exactOptional(),
  allows: z.enum(['read', 'read-exclusive', 'write']).exactOptional(),
  frame: hex.exactOptional(),
  marks: z.array(z.enum(['uffd-wp', 'poisoned', 'guard'])).exactOptional(),
  value: hex.exactOptional(),
  bits: z.array(z.enum(['special', 'uffd-wp', 'soft-dirty', 'devmap', 'saved-dirty'])).exactOptional(),
});

/** Whose address space it is. */
export const ownerSchema = z.strictObject({
  kind: z.enum(['process', 'kernel']),
  pid: z.int().min(0).exactOptional(),
  comm: z.string().exactOptional(),
  half: z.enum(['user', 'kernel']).nullable().exactOptional(),
});

/** One line of `pagewalk symbols --json`. */
export const symbolLineSchema = z.strictObject({
  address: hex,
  type: z.string(),
  name: z.string(),
  module: z.string().nullable(),
});

/** The line of `pagewalk symbols ADDRESS --json`. */
export const symbolPlaceLineSchema = z.strictObject({ address: hex, place: placeSchema.nullable() });

/** One line of `pagewalk ps --json`. */
export const taskLineSchema = z.strictObject({
  pid: z.int().min(0),
  tgid: z.int().min(0),
  comm: z.string(),
  state: z.string(),
  cr3: hex.nullable(),
  userCr3: hex.nullable(),
  residentPages: z.int().min(0).nullable(),
  task: hex,
  mm: hex.nullable(),
});
