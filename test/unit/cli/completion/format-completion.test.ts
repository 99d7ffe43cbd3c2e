import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { COMMANDS } from '../../../../src/cli/commands.ts';
import { formatCompletion } from '../../../../src/cli/completion/format-completion.ts';
import { SHELLS } from '../../../../src/cli/completion/shells.ts';

const run = promisify(execFile);

describe('completion', () => {
  describe('in bash', () => {
    let directory: string;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'pagewalk-'));
      await writeFile(join(directory, 'pagewalk.bash'), await formatCompletion(['bash'], COMMANDS));
      await writeFile(join(directory, 'saved.json'), '');
    });

    after(() => rm(directory, { recursive: true }));

    /** What bash offers after these words, as its own COMP_WORDS has them. */
    async function offered(...words: string[]): Promise<string[]> {
      const script = `source ./pagewalk.bash; COMP_WORDS=(pagewalk "$@"); COMP_CWORD=$#; _pagewalk; printf "%s\\n" "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = await run('bash', ['--norc', '-uc', script, 'bash', ...words], { cwd: directory });
      expect(stderr).to.equal('');
      return stdout.split('\n').filter((word) => word !== '');
    }

    it('offers every command first', async () => {
      expect(await offered('')).to.include.members([...COMMANDS.map(({ name }) => name), 'help', 'completion']);
      expect(await offered('hv')).to.deep.equal(['hv-translate']);
      expect(await offered('help', 're')).to.deep.equal(['restore']);
      expect(await offered('completion', '')).to.deep.equal([...SHELLS]);
    });

    it('offers every option of each command, and --help', async () => {
      for (const { name, load } of COMMANDS) {
        const options = Object.keys((await load()).options).map((option) => `--${option}`);
        expect(await offered(name, '--'), name).to.have.members([...options, '--help']);
      }
      expect(await offered('map', '--sum')).to.deep.equal(['--summary']);
      expect(await offered('state', '--summ')).to.deep.equal([]);
    });

    it('offers values where they are known, also behind =', async () => {
      expect(await offered('translate', '--profile', 'a')).to.deep.equal(['amd']);
      expect(await offered('translate', '--profile', '=', 't')).to.deep.equal(['tcg']);
      expect(await offered('translate', '--cpu', '')).to.deep.equal([]);
      expect(await offered('map', '--qmp', '')).to.include.members(['unix:', 'tcp:', 'exec:', 'saved.json']);
      expect(await offered('map', '--qmp', 'unix', ':', './sa')).to.deep.equal(['./saved.json']);
    });

    it('offers files where files are taken', async () => {
      expect(await offered('map', '--trace', 'sav')).to.deep.equal(['saved.json']);
      expect(await offered('diff', 'sav')).to.deep.equal(['saved.json']);
      expect(await offered('map', 'sav')).to.deep.equal([]);
    });

    it('is what bash itself asks when Tab is pressed', async () => {
      const script = 'source ./pagewalk.bash; complete -p pagewalk';
      const { stdout } = await run('bash', ['--norc', '-c', script], { cwd: directory });
      expect(stdout).to.equal('complete -F _pagewalk pagewalk\n');
    });
  });

  it('names each command and option in every shell', async () => {
    for (const shell of SHELLS) {
      const script = await formatCompletion([shell], COMMANDS);
      for (const { name, load } of COMMANDS) {
        expect(script).to.contain(name);
        for (const option of Object.keys((await load()).options)) expect(script, shell).to.contain(option);
      }
    }
  });

  for (const [words, problem] of [
    [[], /needs the name of a shell: bash, zsh, fish/],
    [['fihs'], /unknown shell "fihs"; did you mean fish\?/],
    [['powershell'], /unknown shell "powershell"; use bash, zsh, fish/],
    [['bash', 'zsh'], /takes one shell/],
  ] as const) {
    it(`refuses "${words.join(' ')}"`, async () => {
      const refused = await formatCompletion(words, COMMANDS).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(Error).with.property('message').that.matches(problem);
    });
  }
});
