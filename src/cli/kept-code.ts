import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** Of the files with compiled code; what else lies in that directory is not ours. */
const PREFIX = 'code-';

/**
 * Runs a CommonJS file with the code that V8 compiled of it in a run before, and keeps that code when the process ends well: what ran is
 * in it, so that the next run of the kind compiles nothing while a guest waits. From 22.8 on Node keeps compiled code by itself.
 *
 * V8 takes kept code only as it made it: of the same version, under the same flags, for as long a source (`SerializedCodeData`). That it
 * is the same source is in the file's name: the package's version, and the size and date of the file.
 *
 * @param directory - of this user alone: what lies there is run
 * @param purpose - the kind of run, as different functions run in each; a part of a file's name
 * @returns whether kept code ran
 * @internal
 */
export function runKept(file: string, directory: string, version: string, purpose: string): boolean {
  // The bundle is ASCII, which scripts/package/bundle-command.sh sees to: nothing has to be decoded. A wrapped `#!` would be no comment.
  const text = readFileSync(file, 'latin1').replace(/^#!/, '//');
  const { size, mtimeMs } = statSync(file);
  const source = `${PREFIX}${version}-${process.version}-${process.arch}-${size}-${mtimeMs}-`;
  const name = `${source}${purpose}`;
  const cachedData = readKept(join(directory, name));
  const script = new Script(Module.wrap(text), { filename: file, ...(cachedData && { cachedData }) });
  const isKept = cachedData !== undefined && script.cachedDataRejected === false;
  if (!isKept)
    process.once('exit', (status) => {
      // One that was refused or failed has compiled little of what an answer takes.
      if (status <= 1) keep(script, directory, source, name);
    });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...words: readonly unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
  return isKept;
}

function readKept(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** That of other sources goes. Runs that end at the same time each put a whole file there. */
function keep(script: Script, directory: string, source: string, name: string): void {
  const unfinished = join(directory, `${PREFIX}${process.pid}`);
  try {
    const old = readdirSync(directory).filter((other) => other.startsWith(PREFIX) && !other.startsWith(source));
    writeFileSync(unfinished, script.createCachedData(), { flag: 'wx', mode: 0o600 });
    for (const other of old) rmSync(join(directory, other), { force: true });
    renameSync(unfinished, join(directory, name));
  } catch {
    // A full or read-only disk: the next run compiles again.
    rmSync(unfinished, { force: true });
  }
}
