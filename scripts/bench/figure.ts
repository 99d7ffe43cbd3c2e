/** What a figure has to reach. */
export interface Bar {
  readonly kind: 'at-most' | 'at-least';
  readonly limit: number;
}

/** One result: a number, what it has to be, and what it was made of. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `x` for a ratio of two things that were measured in turn. */
  readonly unit: string;
  /** Null where the number is there to be known. */
  readonly bar: Bar | null;
  /** The measurements behind it, with their units in their names. */
  readonly details: Readonly<Record<string, number | string>>;
}

/** @param limit - inclusive */
export function atMost(limit: number): Bar {
  return { kind: 'at-most', limit };
}

/** @param limit - inclusive */
export function atLeast(limit: number): Bar {
  return { kind: 'at-least', limit };
}

/** Whether a figure is as it has to be; undefined where nothing was demanded. */
export function isMet({ value, bar }: Figure): boolean | undefined {
  if (bar === null) return undefined;
  return bar.kind === 'at-most' ? value <= bar.limit : value >= bar.limit;
}
