import type { Finding, SourceFile } from './source-file.ts';

/** Layers without I/O: the compiler refuses Node's names in them for as long as their project has no types. */
const PURE = ['src/paging', 'src/linux', 'src/abi', 'src/report', 'src/picture'] as const;

/** The setting by which the compiler keeps the pure layers pure. */
export function checkPureLayers(files: readonly SourceFile[]): Finding[] {
  return PURE.flatMap((layer) => {
    const path = `${layer}/tsconfig.json`;
    const text = files.find((file) => file.path === path)?.text;
    if (text === undefined || /"types":\s*\[\]/.test(text)) return [];
    return [{ path, line: 0, problem: `"types" must be [], so that ${layer} can do no I/O` }];
  });
}
