/** What a page is made of. @internal */
export interface PageParts {
  /** The program of the page, and its looks: made at build time, and trusted. */
  readonly script: string;
  readonly style: string;
  /** SHA-256 of both in base64, by which the browser knows them. */
  readonly scriptHash: string;
  readonly styleHash: string;
  /** Compressed moments in base64; none where a server is asked for them. */
  readonly moments: readonly string[];
  /** Compressed symbols in base64, which are read when they are asked for; null for none. */
  readonly symbols: string | null;
}

/**
 * The rule by which a browser judges the page: it runs this program and no other, and reaches nothing; a page that is served reaches
 * its own server.
 *
 * @internal
 */
export function contentSecurityPolicy(
  { scriptHash, styleHash }: Pick<PageParts, 'scriptHash' | 'styleHash'>,
  isServed: boolean,
): string {
  return [
    "default-src 'none'",
    `script-src 'sha256-${scriptHash}'`,
    `style-src 'sha256-${styleHash}'`,
    'img-src data:',
    ...(isServed ? ["connect-src 'self'", "frame-ancestors 'none'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/**
 * One page with everything in it. The program comes before the moments, so that it can say that the file was cut off.
 *
 * @internal
 */
export function makePage(parts: PageParts): string {
  const { script, style, moments, symbols } = parts;
  const isServed = moments.length === 0;
  // Of a page that is served the header says it; `frame-ancestors` counts there alone.
  const policy = isServed
    ? ''
    : `<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy(parts, false)}">\n`;
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    policy,
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    '<meta name="referrer" content="no-referrer">\n',
    '<link rel="icon" href="data:,">\n<title>pagewalk</title>\n',
    `<style>${style}</style>\n</head>\n<body>\n`,
    '<div id="app"><p>The picture appears here. If it does not, this file was cut off, or JavaScript is switched off.</p></div>\n',
    `<script>${script}</script>\n`,
    ...moments.map((moment) => `<script type="text/plain" class="moment">${moment}</script>\n`),
    symbols === null ? '' : `<script type="text/plain" id="symbols">${symbols}</script>\n`,
    isServed ? '<script type="text/plain" id="served"></script>\n' : '',
    '<script type="text/plain" id="end"></script>\n</body>\n</html>\n',
  ].join('');
}
