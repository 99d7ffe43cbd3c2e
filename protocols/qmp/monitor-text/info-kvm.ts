/**
 * Reads `info kvm`: `kvm support: enabled`. Undefined where it says something else.
 *
 * @public
 */
export function parseInfoKvm(text: string): boolean | undefined {
  switch (text.trim().split('\n', 1)[0]?.trimEnd()) {
    case 'kvm support: enabled':
      return true;
    case 'kvm support: disabled':
      return false;
    default:
      return undefined;
  }
}
