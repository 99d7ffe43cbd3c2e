import { runCli } from '../../src/cli/index.ts';
import { DemoError } from './demo-error.ts';
import type { PauseClock } from './pause-clock.ts';
import type { DemoQuestion } from './questions.ts';
import type { Screen } from './screen.ts';

/** Whom the questions go to, and how they are shown. */
export interface Audience {
  readonly screen: Screen;
  readonly clock: PauseClock;
  readonly qmpEndpoint: string;
  readonly isTerminal: boolean;
}

/**
 * Runs the command itself, in this process, and shows it with its answer.
 *
 * @returns how long the guest was paused, in milliseconds
 * @throws {@link DemoError} when the answer is not the one that the guest was built to give.
 */
export async function ask(question: DemoQuestion, audience: Audience): Promise<number> {
  const { screen } = audience;
  screen.heading(question.title);
  screen.say(question.explanation);
  screen.command(`pagewalk ${question.words.join(' ')}`);
  const said: string[] = [];
  const { result, pauseMs } = await audience.clock.measure(() =>
    runCli(question.words, {
      environment: environmentFor(audience),
      isTerminal: audience.isTerminal,
      print: (text) => {
        said.push(text);
      },
      complain: (line) => said.push(`${line}\n`),
      signal: new AbortController().signal,
    }),
  );
  const answer = said.join('');
  screen.quote(answer);
  screen.say(`  ${screen.style.faint(`(the guest was paused for ${pauseMs.toFixed(1)} ms)`)}`);
  if (result !== question.exitStatus || !withoutColours(answer).includes(question.answer)) {
    throw new DemoError(
      `expected status ${question.exitStatus} and "${question.answer}", but the command ended with ${result}`,
    );
  }
  return pauseMs;
}

/** Not all of ours: the user may have a guest of their own in PAGEWALK_GDB. */
function environmentFor({ qmpEndpoint }: Audience): Readonly<Record<string, string | undefined>> {
  const { NO_COLOR, TERM } = process.env;
  return { NO_COLOR, TERM, PAGEWALK_QMP: qmpEndpoint };
}

function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
  return text.replaceAll(/\u001b\[\d+m/g, '');
}
