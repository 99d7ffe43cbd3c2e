#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { compiledCodeDirectory } from './compiled-code.ts';
import { packageVersion } from './version.ts';

/*
 * The first file of the bundled command: as little as can be. What comes after it need not be compiled again where Node can keep
 * compiled code, from 22.8 on.
 */

function keepCompiledCode(): void {
  const enable: unknown = Reflect.get(nodeModule, 'enableCompileCache');
  if (typeof enable !== 'function') return;
  const directory = compiledCodeDirectory(process.env);
  if (directory !== undefined) enable(directory);
}

if (process.argv[2] === '--version') {
  process.stdout.write(`${packageVersion()}\n`);
} else {
  keepCompiledCode();
  void import('./main.ts');
}
