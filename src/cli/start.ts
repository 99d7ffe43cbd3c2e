#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { compiledCodeDirectory } from './compiled-code.ts';
import { runKept } from './kept-code.ts';
import { packageVersion } from './version.ts';
import { wantsStackTraces } from './wants-stack-traces.ts';

/*
 * The first file of the bundled command: as little as can be. What comes after it need not be compiled again where compiled code can be
 * kept.
 */

function start(): void {
  if (wantsStackTraces(process.env)) {
    // The modules that the bundle was made of: their stack traces have names and files, where a bundle's names are short to load sooner.
    void import(new URL('../../src/cli/main.js', import.meta.url).href);
    return;
  }
  const file = fileURLToPath(new URL('./main.js', import.meta.url));
  const directory = compiledCodeDirectory(process.env);
  const enable: unknown = Reflect.get(nodeModule, 'enableCompileCache');
  if (directory !== undefined && typeof enable !== 'function') {
    const [, , command = ''] = process.argv;
    const purpose = /^[a-z-]{1,16}$/.test(command) ? command : 'other';
    runKept(file, directory, packageVersion(), purpose);
    return;
  }
  if (directory !== undefined && typeof enable === 'function') enable(directory);
  nodeModule.createRequire(file)(file);
}

if (process.argv[2] === '--version') process.stdout.write(`${packageVersion()}\n`);
else start();
