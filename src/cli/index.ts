export type { CliContext } from './command.ts';
export { runCli } from './run-cli.ts';
