import type { CliContext } from '../options/command.ts';

/**
 * Output that waits until the guest runs again, as long as it is not too much to hold. Beyond that it is printed as it comes, and
 * with it what was held.
 *
 * @internal
 */
export class HeldOutput {
  readonly #context: Pick<CliContext, 'print' | 'unread'>;
  readonly #maxHeld: number;
  #held: string[] = [];
  #hasPrinted = false;

  /** @param maxHeld - how many texts are held */
  constructor(context: Pick<CliContext, 'print' | 'unread'>, maxHeld: number) {
    this.#context = context;
    this.#maxHeld = maxHeld;
  }

  /** Whether anything has been printed: then nothing can be said in another way any more. */
  get hasPrinted(): boolean {
    return this.#hasPrinted;
  }

  /** The reader is gone: there is no need to go on. */
  get isUnread(): boolean {
    return this.#context.unread?.aborted === true;
  }

  /** @returns when more may come */
  async add(texts: readonly string[]): Promise<void> {
    this.#held.push(...texts);
    if (this.#held.length > this.#maxHeld || this.#hasPrinted) await this.flush();
  }

  /** Forgets what was not printed yet. */
  drop(): void {
    this.#held = [];
  }

  /** Prints what is held. */
  async flush(): Promise<void> {
    const text = this.#held.join('');
    this.#held = [];
    if (text === '') return;
    this.#hasPrinted = true;
    await this.#context.print(text);
  }
}
