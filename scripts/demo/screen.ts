import type { Style } from '../../src/report/index.ts';

/** How the demo talks: headings, plain words, and what programs say, set off from them. */
export class Screen {
  readonly style: Style;
  readonly #print: (text: string) => void;
  #headings = 0;

  constructor(style: Style, print: (text: string) => void) {
    this.style = style;
    this.#print = print;
  }

  heading(title: string): void {
    this.#headings += 1;
    this.#print(`\n${this.style.strong(`${this.#headings}. ${title}`)}\n`);
  }

  say(text: string): void {
    this.#print(`${text}\n`);
  }

  /** A command that the reader could have typed. */
  command(line: string): void {
    this.#print(`\n  ${this.style.faint('$')} ${this.style.strong(line)}\n`);
  }

  /** What a program said, line by line. */
  quote(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#print(`  ${line}\n`);
  }
}
