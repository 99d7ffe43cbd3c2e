import { expect } from 'chai';
import { LineSplitter } from '../../../../src/testing/console/line-splitter.ts';
import { ShellEcho } from '../../../../src/testing/console/shell-echo.ts';

const TAG = 'pagewalk-AbCdEfGh';

function typed(number: number, command: string) {
  return { number, command, line: `echo ${TAG}""b${number}; ( eval '${command}' ); echo ${TAG}""e${number}" "$?\n` };
}

const ONE = typed(1, 'cat /proc/cmdline');
const TWO = typed(2, 'echo one\necho two');
const LONG = typed(1, 'echo a command that is longer than the screen of a terminal is wide');

/** What shells write on a terminal, as recorded: each for a prompt, a command of one line, and one of two. */
const RECORDED: Readonly<Record<string, string>> = {
  'a terminal that echoes, as behind dash':
    `# ${ONE.line}${TAG}b1\nquiet\n${TAG}e1 0\n# ${TWO.line}> ${TAG}b2\none\ntwo\n${TAG}e2 0\n# `.replaceAll(
      '\n',
      '\r\n',
    ),
  'bash, which edits lines':
    `\u001b[?2004h# ${ONE.line.trim()}\r\n\u001b[?2004l\r${TAG}b1\r\nquiet\r\n${TAG}e1 0\r\n` +
    `\u001b[?2004h# ${TWO.line.trim().replace('\n', '\r\n\u001b[?2004l\r\u001b[?2004h> ')}\r\n\u001b[?2004l\r${TAG}b2\r\n` +
    `one\r\ntwo\r\n${TAG}e2 0\r\n\u001b[?2004h# `,
  'busybox, which asks where the cursor is, after the echo of the terminal':
    `${ONE.line.trim()}\r\n# \u001b[6n${ONE.line.trim()}\r\n${TAG}b1\r\nquiet\r\n${TAG}e1 0\r\n` +
    `# \u001b[6n${TWO.line.trim().replace('\n', '\r\n> ')}\r\n${TAG}b2\r\none\r\ntwo\r\n${TAG}e2 0\r\n# `,
};

/** How often an editor of lines breaks an echo at the 80th column. */
const WRAPS: Readonly<Record<string, (text: string) => string>> = {
  'with a line end': (text) => text.replace(/(.{78})/, '$1\r\r\n'),
  'with the next character and a step back': (text) => text.replace(/(.{78})(.)/, '$1$2\b$2'),
  'with a space and a return': (text) => text.replace(/(.{78})/, '$1 \r'),
};

function shownOf(pieces: Iterable<string>, commands: readonly ReturnType<typeof typed>[]): readonly string[] {
  const echo = new ShellEcho(TAG);
  const splitter = new LineSplitter();
  for (const command of commands) echo.type(command);
  const lines = [...pieces].flatMap((piece) => splitter.push(echo.push(piece)));
  return [...lines, ...splitter.push(echo.rest()), splitter.partial];
}

describe('ShellEcho', () => {
  for (const [shell, said] of Object.entries(RECORDED)) {
    it(`shows commands as they were written: ${shell}`, () => {
      for (const pieces of [[said], said]) {
        // dash prompts for the second line when it has come.
        const second = shell.endsWith('dash') ? '# > echo one' : '# echo one';
        expect(shownOf(pieces, [ONE, TWO])).to.deep.equal([
          ...['# cat /proc/cmdline', 'quiet', second, 'echo two', 'one', 'two', '# '],
        ]);
      }
    });
  }

  for (const [way, wrap] of Object.entries(WRAPS)) {
    it(`knows an echo that is broken ${way}`, () => {
      const said = `# ${wrap(LONG.line.trim())}\r\n${TAG}b1\r\nok${TAG}e1 0\r\n# `;
      expect(shownOf(said, [LONG])).to.deep.equal([`# ${LONG.command}`, 'ok', '# ']);
      expect(shownOf([said], [LONG])).to.deep.equal([`# ${LONG.command}`, 'ok', '# ']);
    });
  }

  it('keeps back nothing that differs from an echo in one character', () => {
    const panic = 'Kernel panic - not syncing: Fatal exception';
    const begun = ONE.line.slice(0, 40);
    expect(shownOf([`# ${begun}`, `[    1.0] ${panic}\r\n`], [ONE])).to.deep.equal([
      `# ${begun}[    1.0] ${panic}`,
      '',
    ]);
    expect(shownOf([`# ${begun}`], [ONE])).to.deep.equal([`# ${begun}`]);
    const echo = new ShellEcho(TAG);
    echo.type(ONE);
    expect(echo.push(`# ${begun}`)).to.equal('# ');
    expect(echo.push('X')).to.equal(`${begun}X`);
  });

  it('changes nothing that a guest says of itself: before, between and after commands', () => {
    const echo = new ShellEcho(TAG);
    const said = `echo ${TAG}""b1; p`;
    expect(echo.push(said)).to.equal(said);
    echo.type(ONE);
    expect(echo.push('the stop')).to.equal('the sto');
    expect(echo.push(' is near\n')).to.equal('p is near\n');
    expect(echo.push(`${ONE.line}${TAG}b1\n${TAG}e1 0\n`)).to.equal('cat /proc/cmdline\n');
    expect(echo.push(said)).to.equal(said);
    echo.type(TWO);
    echo.forget();
    expect(echo.push(said)).to.equal(said);
  });
});
