import { checkDocuments } from './documents.ts';
import { checkDoors } from './doors.ts';
import { checkExpressions } from './expressions/check-expressions.ts';
import { checkFileNames } from './file-names.ts';
import { checkHexPrinting } from './hex-printing.ts';
import { checkImports } from './imports.ts';
import { checkIndexFiles } from './index-files.ts';
import { checkPureLayers } from './pure-layers.ts';
import { checkImportCircles } from './rooms/import-circles.ts';
import { checkMirroredTests } from './rooms/mirrored-tests.ts';
import { checkRoomOrder } from './rooms/room-order.ts';
import { checkRoomSize } from './rooms/room-size.ts';
import type { Finding, Rule, SourceFile } from './source-file.ts';
import { checkWording } from './wording.ts';

const RULES: readonly Rule[] = [
  checkFileNames,
  checkImports,
  checkDoors,
  checkIndexFiles,
  checkRoomSize,
  checkRoomOrder,
  checkImportCircles,
  checkMirroredTests,
  checkHexPrinting,
  checkExpressions,
  checkPureLayers,
  checkWording,
  checkDocuments,
];

/** Everything in a tree that breaks a rule which neither the compiler nor the linter can see. */
export function checkTree(files: readonly SourceFile[]): Finding[] {
  return RULES.flatMap((rule) => rule(files));
}
