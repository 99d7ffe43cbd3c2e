import { DUMP_TARGETS } from './dump-targets.ts';
import { FILE_TARGETS } from './file-targets.ts';
import { MONITOR_TARGETS } from './monitor-targets.ts';
import type { ParserTarget } from './parser-target.ts';
import { WIRE_TARGETS } from './wire-targets.ts';

/** Everything that reads what comes from outside. */
export const PARSER_TARGETS: readonly ParserTarget[] = [
  ...MONITOR_TARGETS,
  ...WIRE_TARGETS,
  ...FILE_TARGETS,
  ...DUMP_TARGETS,
];
