/** A request as a client sent it. */
export interface Request {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id?: unknown;
}

/** What a hostile peer answers. */
export type Answer =
  /** The value of `return`. */
  | { readonly value: unknown }
  /** These bytes as they are, for those who want to break the protocol itself. */
  | { readonly raw: string }
  /** Nothing, ever. */
  | 'silence'
  /** What QEMU says. */
  | undefined;

/** What the peer knows: made by the one who starts it. */
export interface Facts {
  readonly directory: string;
  readonly gdbPath: string;
  readonly cr3: number;
  readonly [name: string]: string | number;
}

/** How a peer lies. Whatever it does not care about, a real QEMU answers. */
export interface Lie {
  /** In the place of QEMU. It may wait before it answers. */
  answer?(request: Request, facts: Facts): Answer | Promise<Answer>;
  /** Changes what QEMU answered; undefined leaves it. */
  amend?(request: Request, value: unknown, facts: Facts): unknown;
  /** The payloads that answer a packet; undefined: what QEMU answers. */
  packet?(
    payload: string,
    facts: Facts,
  ): readonly string[] | 'silence' | undefined | Promise<readonly string[] | 'silence' | undefined>;
}

/** The command line of a monitor command in text. */
export function hmpOf({ execute, arguments: given }: Request): string {
  return execute === 'human-monitor-command' ? String(given?.['command-line'] ?? '') : '';
}

/** The text of a monitor command that came through the stub. */
export function monitorCommand(payload: string): string {
  return payload.startsWith('qRcmd,') ? Buffer.from(payload.slice(6), 'hex').toString('latin1') : '';
}

/** Monitor output as the stub sends it: a packet for each line, and OK. */
export function monitorOutput(text: string): readonly string[] {
  const lines = text.split('\r\n').filter((line) => line !== '');
  return [...lines.map((line) => `O${Buffer.from(`${line}\r\n`, 'latin1').toString('hex')}`), 'OK'];
}
