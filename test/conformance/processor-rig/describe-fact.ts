/** Something on which walker and processor do not agree. */
export function describeFact(name: string, walker: bigint | number, processor: bigint | number): string {
  return `  ${name}: the walker says ${formatWord(walker)}, the processor ${formatWord(processor)}`;
}

export function formatWord(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
