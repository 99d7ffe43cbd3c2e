import type { ChildProcess } from 'node:child_process';
import { spawnGuarded } from '../exec/guarded-command.ts';
import { ProcessGroup } from '../exec/process-group.ts';
import { quoteWord } from '../exec/quote-word.ts';
import { virshEnvironment } from './virsh-shell.ts';

const EVENT = /^event ([A-Z][A-Z0-9_]{0,63}) at (\d{1,12})\.(\d{1,9}) for domain /;
const MAX_LINE_CHARS = 256 * 1024;
const MAX_DATA_CHARS = 64 * 1024;

/**
 * The events of a domain's QEMU, by a virsh of its own. They come in their own time, before or after the replies to what caused
 * them.
 *
 * @internal
 */
export class DomainEvents {
  readonly #child: ChildProcess;
  readonly #group: ProcessGroup | undefined;
  #begun = '';

  /** @param deliver - is given each as a message of QMP */
  constructor(uri: string, domain: string, deliver: (text: string) => void) {
    this.#child = spawnGuarded(
      `exec virsh -q -c ${quoteWord(uri)} qemu-monitor-event --loop --domain ${quoteWord(domain)}`,
      [],
      virshEnvironment(uri),
    );
    const child = this.#child;
    this.#group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
    child.once('exit', () => this.#group?.noteLeaderExit());
    child.once('error', () => {});
    for (const stream of child.stdio) stream?.on('error', () => {});
    child.stderr?.resume();
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#begun + text).split('\n');
      this.#begun = (lines.pop() ?? '').slice(-MAX_LINE_CHARS);
      for (const line of lines) {
        const message = messageOf(line);
        if (message !== undefined) deliver(message);
      }
    });
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    // It reads no input, and waits for events for ever.
    await this.#group?.end(0);
    for (const stream of this.#child.stdio) stream?.destroy();
  }
}

function messageOf(line: string): string | undefined {
  const [head, event, seconds, microseconds] = EVENT.exec(line) ?? [];
  if (head === undefined) return undefined;
  const data = line.slice(line.indexOf("': ", head.length) + 3);
  return JSON.stringify({
    timestamp: { seconds: Number(seconds), microseconds: Number(microseconds) },
    event,
    ...dataOf(data),
  });
}

function dataOf(text: string): { readonly data?: object } {
  if (!text.startsWith('{') || text.length > MAX_DATA_CHARS) return {};
  try {
    return { data: JSON.parse(text) as object };
  } catch {
    return {};
  }
}
