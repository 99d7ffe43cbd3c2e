#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { compiledCodeDirectory } from './compiled-code.ts';
import { runKept } from './kept-code.ts';
import { packageVersion } from './version.ts';

/*
 * The first file of the bundled command: as little as can be. What comes after it need not be compiled again where compiled code can be
 * kept.
 */

function start(): void {
  const directory = compiledCodeDirectory(process.env);
  const enable: unknown = Reflect.get(nodeModule, 'enableCompileCache');
  if (directory !== undefined && typeof enable !== 'function') {
    const [, , command = ''] = process.argv;
    const purpose = /^[a-z-]{1,16}$/.test(command) ? command : 'other';
    runKept(fileURLToPath(new URL('./main.js', import.meta.url)), directory, packageVersion(), purpose);
    return;
  }
  if (directory !== undefined && typeof enable === 'function') enable(directory);
  void import('./main.ts');
}

if (process.argv[2] === '--version') process.stdout.write(`${packageVersion()}\n`);
else start();
