import type { CommandEnd } from '../rig/command-run.ts';
import type { Protocol } from '../rig/message-proxy.ts';

/**
 * What may be assumed when a reply was lost, late or no reply, by the connection that it came on, in the words in which an answer
 * gives its reasons. A message of the stub that is lost breaks the session, but for the greeting, which alone tells whether the
 * guest ran.
 */
const REASONS: Readonly<Record<Protocol, readonly RegExp[]>> = {
  qmp: [
    /^QEMU's device state cannot be read here: /,
    /^the monitor shows no QOM path of a vCPU$/,
    / has no usable property "[^"]+"$/,
    /^the monitor does not say what runs the guest$/,
  ],
  gdb: [/^the GDB stub of this QEMU does not tell whether the guest ran before; /],
};

const IN_THE_ANSWER = /^\s*! assumed: (?<sentence>.*)$/;
const BESIDE_IT = /^pagewalk: (?:(?<mark>\?\S+): )?assumed: (?<sentence>.*)$/;
const DEPENDS = /; the outcome depends on it$/;
const MARK = / {2}(?<mark>\?\S+)(?=$| {2})/g;
/** An answer begins so: of an address, or a page or range of a map. What is before the first of them holds for all. */
const BEGINS = /^0x[0-9a-f]{16}/;

/** One of the answers of a run, without what it says of itself. */
interface Part {
  readonly text: string;
  /** What it says that its outcome depends on. */
  readonly doubts: readonly string[];
}

/** What a run answered, and what it says that this rests on. */
interface Told {
  readonly sentences: ReadonlySet<string>;
  readonly heading: Part;
  readonly parts: readonly Part[];
}

/** Takes an answer apart. */
function read({ stdout, stderr }: Pick<CommandEnd, 'stdout' | 'stderr'>): Told {
  const sentences = new Set<string>();
  const byMark = new Map<string, string>();
  for (const line of stderr.split('\n')) {
    const { mark, sentence } = BESIDE_IT.exec(line)?.groups ?? {};
    if (sentence !== undefined) sentences.add(sentence);
    if (sentence !== undefined && mark !== undefined) byMark.set(mark, sentence);
  }
  const pieces: { lines: string[]; doubts: string[] }[] = [{ lines: [], doubts: [] }];
  for (const line of stdout.split('\n')) {
    if (BEGINS.test(line)) pieces.push({ lines: [], doubts: [] });
    const piece = pieces.at(-1);
    const said = IN_THE_ANSWER.exec(line)?.groups?.['sentence'];
    if (said !== undefined) {
      sentences.add(said);
      if (DEPENDS.test(said)) piece?.doubts.push(said);
      continue;
    }
    for (const { groups } of line.matchAll(MARK)) piece?.doubts.push(byMark.get(groups?.['mark'] ?? '') ?? '');
    piece?.lines.push(line.replace(MARK, ''));
  }
  const [heading = { text: '', doubts: [] }, ...parts] = pieces.map(({ lines, doubts }) => ({
    text: lines.join('\n'),
    doubts,
  }));
  return { sentences, heading, parts };
}

/** The reason in `NAME=VALUE (reason); the outcome depends on it`, or the whole of what is no value. */
function reasonOf(sentence: string): string {
  return (
    /^[^(]*=[^(]*\((?<reason>.*)\); the outcome (?:depends|does not depend) on it$/.exec(sentence)?.groups?.[
      'reason'
    ] ?? sentence
  );
}

/**
 * Whether an answer is the undisturbed one, or differs from it only in what it says that it had to assume.
 *
 * @param harmed - the connections whose replies were tampered with; none when the client has lost nothing
 * @returns what is wrong with it
 */
export function judgeAssumed(
  end: Pick<CommandEnd, 'stdout' | 'stderr'>,
  undisturbed: Pick<CommandEnd, 'stdout' | 'stderr'>,
  harmed: readonly Protocol[],
): readonly string[] {
  const now = read(end);
  const before = read(undisturbed);
  const added = [...now.sentences].filter((sentence) => !before.sentences.has(sentence));
  const isOwed = (sentence: string): boolean =>
    added.includes(sentence) &&
    harmed.some((protocol) => REASONS[protocol].some((each) => each.test(reasonOf(sentence))));
  const problems = [
    ...added.filter((sentence) => !isOwed(sentence)).map((sentence) => `the fault is no reason to assume ${sentence}`),
    ...[...before.sentences]
      .filter((sentence) => !now.sentences.has(sentence))
      .map((sentence) => `it does not say any more that it assumes ${sentence}`),
  ];
  const isExcused = ({ doubts }: Part): boolean => doubts.some(isOwed);
  if (isExcused(now.heading)) return problems;
  const other = [now.heading, ...now.parts].find(
    (part, at) => part.text !== [before.heading, ...before.parts][at]?.text && !isExcused(part),
  );
  if (other !== undefined || now.parts.length !== before.parts.length)
    problems.push(`the answer is another one: ${(other?.text ?? end.stdout).slice(0, 300)}`);
  return problems;
}
