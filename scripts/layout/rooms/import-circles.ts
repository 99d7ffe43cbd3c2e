import type { Finding, SourceFile } from '../source-file.ts';
import { findImports, type Import } from './find-imports.ts';

/**
 * No file imports itself by way of others, not even for types: of two that need each other neither can be read first, moved or
 * tested alone. Of each circle one way round is told.
 */
export function checkImportCircles(files: readonly SourceFile[]): Finding[] {
  const graph = new Map(files.map((file) => [file.path, findImports(file)]));
  const settled = new Set<string>();
  const findings: Finding[] = [];
  for (const path of [...graph.keys()].sort()) visit(path, [], graph, settled, findings);
  return findings;
}

/** Goes down the imports; one that is on the way already closes a circle. */
function visit(
  path: string,
  way: readonly string[],
  graph: ReadonlyMap<string, readonly Import[]>,
  settled: Set<string>,
  findings: Finding[],
): void {
  if (settled.has(path)) return;
  const here = [...way, path];
  for (const { target, line } of graph.get(path) ?? []) {
    if (target === undefined || !graph.has(target)) continue;
    const start = here.indexOf(target);
    if (start < 0) visit(target, here, graph, settled, findings);
    else findings.push({ path, line, problem: `imports in a circle: ${[...here.slice(start), target].join(' → ')}` });
  }
  settled.add(path);
}
