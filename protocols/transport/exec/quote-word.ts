/** A word in quotes for `/bin/sh`, and for virsh's own shell. @internal */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}
