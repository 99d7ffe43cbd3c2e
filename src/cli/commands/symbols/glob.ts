/**
 * Whether a name is as a pattern says: `*` stands for any characters, `?` for one. Linear but for the last `*`, which is tried at
 * each place: names are short.
 *
 * @internal
 */
export function matchesGlob(name: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      star = next;
      next += 1;
      resume = at;
    } else if (wanted === '?' || wanted === name[at]) {
      next += 1;
      at += 1;
    } else if (star >= 0) {
      next = star + 1;
      resume += 1;
      at = resume;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}

/** @internal */
export function isGlob(text: string): boolean {
  return /[*?]/.test(text);
}
