/**
 * A print of each vCPU's registers, by vCPU: enough to tell that a paused guest has run since. A guest that ran for a moment
 * and came to stand at the very same registers is not told apart.
 *
 * @internal
 */
export type RegisterPrints = Readonly<Record<string, string>>;

/** Odd numbers without a pattern in their bits, one for each quarter of a print: the fractions of 2 to the power of i/5. */
const FACTORS = [0x2611_186b, 0x51cb_453b, 0x8406_003b, 0xbdb8_cdad] as const;

/** The last one: a pause shows the same registers twice, through QMP and through the stub, and the guest waits meanwhile. */
let printed: { readonly text: string; readonly print: string } | undefined;

/**
 * 128 bits of a text, which no two texts share by chance. That one can be made that does is no harm: a guest that wants to
 * seem unmoved can as well come to stand at the same registers. (node:crypto takes longer to load, 6 ms, than a guest is paused for an answer.)
 *
 * @internal
 */
export function printOf(text: string): string {
  if (text === printed?.text) return printed.print;
  let [a, b, c, d] = FACTORS as readonly number[] as [number, number, number, number];
  const [byA, byB, byC, byD] = FACTORS;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Turned by another number of bits each, or the lowest bit of all four would be the same sum.
    a = Math.imul(((a << 7) | (a >>> 25)) ^ code, byA);
    b = Math.imul(((b << 11) | (b >>> 21)) ^ code, byB);
    c = Math.imul(((c << 13) | (c >>> 19)) ^ code, byC);
    d = Math.imul(((d << 17) | (d >>> 15)) ^ code, byD);
  }
  const print = Buffer.from(Int32Array.of(a, b, c, d).buffer).toString('base64url');
  printed = { text, print };
  return print;
}

/**
 * @param text - of `info registers`, of one vCPU or of all (`-a`)
 * @internal
 */
export function printRegisters(text: string): RegisterPrints {
  const prints: Record<string, string> = {};
  const [, ...parts] = `\n${text.replaceAll('\r', '')}`.split('\nCPU#');
  for (const part of parts) {
    const end = part.indexOf('\n');
    const cpu = part.slice(0, end).trim();
    prints[cpu] = printOf(part.slice(end).trim());
  }
  return prints;
}

/** Whether every vCPU that was recorded still has the registers that it had. @internal */
export function isSamePrint(recorded: RegisterPrints, now: RegisterPrints): boolean {
  const cpus = Object.keys(recorded);
  return cpus.length > 0 && cpus.every((cpu) => recorded[cpu] === now[cpu]);
}
