import { PatternError, type PatternItem, parsePattern, type Sequence } from './parse-pattern.ts';

/** UTF-16 units that may come next: one byte for each, 1 for those that may. */
type Units = Uint8Array;

const UNITS = 0x10000;
/** A repetition with a lower bound than this costs the same however long the text is. */
const FEW = 64;

const known = new Map<string, Units>();

/**
 * Says why a regular expression may take more than linear time on some text; undefined if it cannot.
 *
 * What is allowed is what can be shown to be linear. Matching goes back only where it had a choice, so: a group comes once or
 * not at all, which leaves a fixed number of ways through the pattern; a repeated character can not be what comes after its
 * repetition, so that going back into one fails at once; and what repeats without bound is tried from one place only.
 */
export function judgeExpression(pattern: string, flags: string): string | undefined {
  try {
    const alternatives = parsePattern(pattern);
    const isAnchored =
      flags.includes('y') || (!flags.includes('m') && alternatives.every(([first]) => first?.kind === 'start'));
    const nothing = new Uint8Array(UNITS);
    for (const sequence of alternatives) checkSequence(sequence, nothing, flags, isAnchored);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

function checkSequence(sequence: Sequence, behind: Units, flags: string, isAnchored: boolean): void {
  for (const [index, item] of sequence.entries()) {
    const next = unitsOf(sequence.slice(index + 1), behind, flags);
    if (item.kind === 'group') {
      if (item.most > 1) throw new PatternError('a group is repeated');
      for (const alternative of item.alternatives) checkSequence(alternative, next, flags, isAnchored);
    } else if (item.kind === 'set' && item.least !== item.most && item.most > 1) {
      checkRepetition(item, next, flags, isAnchored);
    }
  }
}

function checkRepetition(item: PatternItem & { kind: 'set' }, next: Units, flags: string, isAnchored: boolean): void {
  if (item.most > FEW && !isAnchored) {
    throw new PatternError(`${item.source} repeats without bound, and the pattern may begin anywhere`);
  }
  const own = unitsOfSet(item.source, flags);
  if (own.some((isIn, unit) => isIn === 1 && next[unit] === 1)) {
    throw new PatternError(`what comes behind the repeated ${item.source} may be one of these characters itself`);
  }
}

/** The units that a sequence may begin with, or what is behind it if it may be empty. */
function unitsOf(sequence: Sequence, behind: Units, flags: string): Units {
  const [first, ...rest] = sequence;
  if (first === undefined) return behind;
  switch (first.kind) {
    case 'start':
      return unitsOf(rest, behind, flags);
    case 'end':
      return flags.includes('m') ? unitsOfSet('[\\n\\r\\u2028\\u2029]', flags) : new Uint8Array(UNITS);
    case 'boundary':
      return new Uint8Array(UNITS).fill(1);
    case 'set':
      return first.least > 0
        ? unitsOfSet(first.source, flags)
        : union([unitsOfSet(first.source, flags), unitsOf(rest, behind, flags)]);
    case 'group': {
      const after = unitsOf(rest, behind, flags);
      const own = first.alternatives.map((alternative) => unitsOf(alternative, after, flags));
      return union(first.least > 0 ? own : [...own, after]);
    }
  }
}

function union(all: readonly Units[]): Units {
  const units = new Uint8Array(UNITS);
  for (const each of all) {
    for (let unit = 0; unit < UNITS; unit++) units[unit] = (units[unit] ?? 0) | (each[unit] ?? 0);
  }
  return units;
}

/** Asks the engine itself which units a set has. */
function unitsOfSet(source: string, flags: string): Units {
  const kept = [...flags].filter((flag) => 'ius'.includes(flag)).join('');
  const key = `${kept} ${source}`;
  const cached = known.get(key);
  if (cached !== undefined) return cached;
  const expression = new RegExp(`^(?:${source})$`, kept);
  const units = Uint8Array.from({ length: UNITS }, (_, unit) => (expression.test(String.fromCharCode(unit)) ? 1 : 0));
  known.set(key, units);
  return units;
}
