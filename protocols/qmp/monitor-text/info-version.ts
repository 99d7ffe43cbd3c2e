/**
 * Reads `info version`: `7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3`. Zeros where it says something else.
 *
 * @public
 */
export function parseInfoVersion(text: string): readonly [major: number, minor: number, micro: number] {
  const [, major = '0', minor = '0', micro = '0'] = VERSION.exec(text.trim()) ?? [];
  return [Number(major), Number(minor), Number(micro)];
}

const VERSION = /^(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?/;
