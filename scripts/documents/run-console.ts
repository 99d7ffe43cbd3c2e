import { launchLong4 } from '../long4-guest.ts';
import { runWords } from './run-words.ts';

const COMMAND = /^\$ (.*)$/;

/**
 * Runs the `$ pagewalk …` lines of a block on a fresh guest, of which PAGEWALK_QMP tells; `$ echo $?` prints the exit status.
 *
 * @param body - only its command lines count
 * @returns the block as a terminal would show it
 */
export async function runConsole(body: string): Promise<string> {
  await using guest = await launchLong4();
  const shown: string[] = [];
  let lastStatus = 0;
  for (const line of body.split('\n')) {
    const command = COMMAND.exec(line)?.[1];
    if (command === undefined) continue;
    shown.push(`${line}\n`);
    const [program, ...words] = command.split(' ');
    if (command === 'echo $?') {
      shown.push(`${lastStatus}\n`);
    } else if (program === 'pagewalk') {
      const { output, exitStatus } = await runWords(words, { PAGEWALK_QMP: guest.qmpEndpoint });
      shown.push(output);
      lastStatus = exitStatus;
    } else {
      throw new Error(`a console block runs pagewalk and "echo $?", not ${command}`);
    }
  }
  return shown.join('');
}
