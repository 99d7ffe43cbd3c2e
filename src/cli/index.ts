export type { CliContext } from './options/command.ts';
export { runCli } from './run-cli.ts';
