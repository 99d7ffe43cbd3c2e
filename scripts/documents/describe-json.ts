import { type ZodType, z } from 'zod';
import { channelSchema, guestLineSchema } from '../../test/support/schemas/guest-schema.ts';
import {
  areaSchema,
  linuxEntrySchema,
  ownerSchema,
  placeSchema,
  symbolLineSchema,
  symbolPlaceLineSchema,
  taskLineSchema,
} from '../../test/support/schemas/linux-schema.ts';
import {
  aliasEndSchema,
  aliasLineSchema,
  amountSchema,
  changeLineSchema,
  mapLineSchema,
  notableSchema,
  rightsSchema,
  sideSchema,
  summaryLineSchema,
  usageLineSchema,
} from '../../test/support/schemas/map-schema.ts';
import {
  assumptionSchema,
  bothStagesSchema,
  entrySchema,
  hvBytesSchema,
  hvTranslationLineSchema,
  regionSchema,
  romEntrySchema,
  stageSchema,
  stateLineSchema,
  translationLineSchema,
  vcpuLineSchema,
} from '../../test/support/schemas/translation-schema.ts';

/** What a line of `--json` can be. */
export const LINES: Readonly<Record<string, ZodType>> = {
  translation: translationLineSchema,
  'hv-translation': hvTranslationLineSchema,
  'hv-bytes': hvBytesSchema,
  map: mapLineSchema,
  summary: summaryLineSchema,
  alias: aliasLineSchema,
  'alias-end': aliasEndSchema,
  change: changeLineSchema,
  watch: usageLineSchema,
  state: stateLineSchema,
  symbol: symbolLineSchema,
  'symbol-place': symbolPlaceLineSchema,
  task: taskLineSchema,
  vcpu: vcpuLineSchema,
  guest: guestLineSchema,
};

/** What several lines have in them. */
const PARTS: Readonly<Record<string, ZodType>> = {
  Entry: entrySchema,
  RomEntry: romEntrySchema,
  BothStages: bothStagesSchema,
  Assumption: assumptionSchema,
  Stage: stageSchema,
  Region: regionSchema,
  Rights: rightsSchema,
  Amount: amountSchema,
  Notable: notableSchema,
  Side: sideSchema,
  Place: placeSchema,
  Area: areaSchema,
  LinuxEntry: linuxEntrySchema,
  Owner: ownerSchema,
  Channel: channelSchema,
};
const REGISTRY = z.registry<{ readonly id: string }>();
for (const [id, schema] of Object.entries(PARTS)) REGISTRY.add(schema, { id });

/** So much of JSON Schema as these schemas come out as. */
interface Shape {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | false;
  readonly $defs?: Readonly<Record<string, Shape>>;
}

const MAX_WIDTH = 26;

/** A field of a line, by its path from the line on. */
interface Field {
  readonly path: string;
  readonly type: string;
}

/** The names of all tables that {@link formatJsonTable} makes: a union has one for each of its kinds. */
export function jsonTables(): string[] {
  const names = Object.entries({ ...LINES, ...PARTS }).flatMap(([name, schema]) => {
    const kinds = alternatives(shapeOf(schema));
    return kinds.length === 1 ? [name] : kinds.map((shape) => `${name} ${kindOf(shape)}`);
  });
  return [...names, 'Sourced'];
}

/**
 * The fields of a line, or of a part of several lines, as a table. What they mean is taken from the table that is there: it is
 * written by hand, and what has none yet is left empty.
 *
 * @throws Error for a name that no line has
 */
export function formatJsonTable(name: string, table: string): string {
  const meanings = new Map(
    [...table.matchAll(/^\| `([^`]+)` *\|[^|]*\|(.*)\|$/gm)].map(([, path = '', text = '']) => [path, text.trim()]),
  );
  const rows = fieldsOf(name).map(({ path, type }) => [`\`${path}\``, type, meanings.get(path) ?? '']);
  return formatTable([['field', 'type', 'meaning'], ...rows]);
}

/** The last column is as wide as it is, and so is what would make all rows too wide. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1].map((at) => Math.min(MAX_WIDTH, Math.max(...rows.map((row) => row[at]?.length ?? 0))));
  const lines = rows.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |\n`);
  return [
    lines[0],
    `| ${[...widths, '---'].map((width) => '-'.repeat(Number(width) || 3)).join(' | ')} |\n`,
    ...lines.slice(1),
  ].join('');
}

function fieldsOf(name: string): readonly Field[] {
  if (name === 'Sourced')
    return listFields(sourced(shapeOf(stateLineSchema)) ?? {}).filter(({ path }) => path !== 'value');
  const [schema = '', kind] = name.split(' ');
  const found = { ...LINES, ...PARTS }[schema];
  const shape = found && alternatives(shapeOf(found)).find((each) => kind === undefined || kindOf(each) === kind);
  if (shape === undefined) throw new Error(`no line of JSON is ${JSON.stringify(name)}`);
  return listFields(shape);
}

function shapeOf(schema: ZodType): Shape {
  const all = z.toJSONSchema(schema, { metadata: REGISTRY }) as Shape;
  const own = all.$ref && all.$defs?.[all.$ref.replace('#/$defs/', '')];
  return own || all;
}

function alternatives(shape: Shape): readonly Shape[] {
  return shape.oneOf ?? shape.anyOf ?? [shape];
}

function kindOf({ properties }: Shape): unknown {
  return properties?.['kind']?.const;
}

/** What state says of each register, wherever it is first: a value with its source. */
function sourced(shape: Shape): Shape | undefined {
  if (shape.properties?.['source'] && shape.properties['value']) return shape;
  return Object.values(shape.properties ?? {})
    .map(sourced)
    .find((found) => found !== undefined);
}

function listFields(shape: Shape, prefix = ''): Field[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const optional = shape.required?.includes(name) ? '' : '; may be absent';
    return [{ path, type: `${typeOf(field)}${optional}` }, ...innerFields(field, path)];
  });
}

/** The fields of an object, of the objects of a list, and of whichever of several objects it is. */
function innerFields(shape: Shape, path: string): Field[] {
  if (shape.$ref || sourced(shape) === shape) return [];
  const several = (shape.oneOf ?? shape.anyOf)
    ?.map((each) => innerFields(each, path))
    .filter(({ length }) => length > 0);
  if (several) return mergeFields(several);
  if (shape.items) return innerFields(shape.items, `${path}[]`);
  if (shape.properties) return listFields(shape, `${path}.`);
  return shape.additionalProperties ? innerFields(shape.additionalProperties, `${path}.…`) : [];
}

function mergeFields(several: readonly (readonly Field[])[]): Field[] {
  const types = new Map<string, Set<string>>();
  for (const { path, type } of several.flat()) types.set(path, (types.get(path) ?? new Set()).add(type));
  return [...types].map(([path, all]) => {
    const isEverywhere = several.every((fields) => fields.some((field) => field.path === path));
    return { path, type: `${[...all].join(' or ')}${isEverywhere ? '' : '; may be absent'}` };
  });
}

function typeOf(shape: Shape): string {
  const kinds = shape.oneOf ?? shape.anyOf;
  if (kinds) return [...new Set(kinds.map(typeOf))].join(' or ');
  if (shape.$ref) return linkTo(shape.$ref.replace('#/$defs/', ''));
  if (Array.isArray(shape.type)) return shape.type.map((type) => typeOf({ ...shape, type })).join(' or ');
  if (shape.const !== undefined) return `\`${JSON.stringify(shape.const)}\``;
  if (shape.enum) return shape.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (sourced(shape) === shape) return `${linkTo('Sourced')} ${typeOf(shape.properties?.['value'] ?? {})}`;
  switch (shape.type) {
    case 'array':
      return `list: ${typeOf(shape.items ?? {})}`;
    case 'object':
      return shape.additionalProperties ? `object, of each value: ${typeOf(shape.additionalProperties)}` : 'object';
    case 'string':
      return textOf(shape.pattern ?? '');
    case 'integer':
      return countOf(shape);
    default:
      return String(shape.type);
  }
}

function linkTo(part: string): string {
  return `[${part}](#${part.toLowerCase()})`;
}

function textOf(pattern: string): string {
  if (pattern.startsWith('^0x')) return '`"0x…"`';
  if (pattern.includes('[0-9a-f]')) return 'text: hexadecimal digits';
  return pattern.includes('[0-9]') ? 'text: decimal digits' : 'text';
}

function countOf({ minimum, maximum = Number.MAX_SAFE_INTEGER }: Shape): string {
  return maximum < Number.MAX_SAFE_INTEGER ? `${minimum} to ${maximum}` : `number, ${minimum} or more`;
}
