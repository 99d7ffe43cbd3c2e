import { formatPrintable } from '../../../protocols/transport/internal.ts';
import { InputFileError, UsageError } from '../errors.ts';
import type { CliContext } from '../options/command.ts';
import { parseNumber } from '../options/parse-number.ts';
import { parseWrittenAddress, type WrittenAddress } from '../options/written-address.ts';
import { type LineSource, openLineSource, readLines, type TextLine } from './read-lines.ts';

/** As kernels print addresses: 16 digits, without 0x. */
const KERNEL_HEX = /^[0-9a-f]{16}$/i;
/** Names are held until the guest is asked. */
const MOST_NAMES = 65_536;
/** How many addresses are handed on at once. */
const CHUNK = 4096;
/** No way to write a 64-bit number is longer, and a comment may follow. */
const MAX_CHARS = 256;
/** A file of something else altogether is not told of line by line. */
const MAX_COMPLAINTS = 20;
/** A list has an address now and then; /dev/urandom, or a file of something else altogether, has none. */
const MAX_CHARS_WITHOUT = 16 * 1024 * 1024;

/** What is to be done about lines that are no address. @internal */
export interface ListOptions {
  /** Say which they are, and answer the rest. */
  readonly keepGoing: boolean;
  /** Lines may be names, which the guest has to be asked about. */
  readonly takesNames?: boolean;
}

/** A line that is no number yet. @internal */
export interface NamedLine {
  readonly number: number;
  readonly written: WrittenAddress;
}

/**
 * Addresses, one a line; empty lines and what follows a `#` do not count. However many there are, no more than a few thousand are
 * held at once.
 *
 * @internal
 */
export class AddressList {
  readonly #source: LineSource;
  readonly #keepGoing: boolean;
  readonly #takesNames: boolean;
  readonly #names = new Map<number, NamedLine>();
  #count = 0;
  readonly #complain: CliContext['complain'];
  readonly #command: string;
  #junkLines = 0;

  constructor(
    source: LineSource,
    { keepGoing, takesNames = false }: ListOptions,
    { complain }: Pick<CliContext, 'complain'>,
    command: string,
  ) {
    this.#source = source;
    this.#keepGoing = keepGoing;
    this.#takesNames = takesNames;
    this.#complain = complain;
    this.#command = command;
  }

  /**
   * Opens a list and, where it can be read twice and junk is to end everything, looks for junk in all of it first.
   *
   * @param file - `-` is standard input
   * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE`.
   */
  static async open(file: string, options: ListOptions, context: CliContext, command: string): Promise<AddressList> {
    const source = await openLineSource(file, context, command);
    const list = new AddressList(source, options, context, command);
    if (source.isRepeatable && !options.keepGoing) {
      for await (const _ of list.chunks()) context.signal.throwIfAborted();
    }
    return list;
  }

  get name(): string {
    return this.#source.name;
  }

  /** How many lines were no address. */
  get junkLines(): number {
    return this.#junkLines;
  }

  /** Lines that are names, by the number of the address in the list; the address is 0 until the guest is asked. */
  get names(): ReadonlyMap<number, NamedLine> {
    return this.#names;
  }

  /** A name that the guest does not have. @returns undefined where the list goes on without it @throws {@link InputFileError} `ERR_CLI_INPUT_FILE`. */
  refuseName({ number }: NamedLine, message: string, cause?: unknown): undefined {
    return this.#refuse(new InputFileError(this.name, number, message, { cause }));
  }

  /** @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` at the first line that is no address, unless it is to go on. */
  async *chunks(): AsyncGenerator<BigUint64Array> {
    let chunk = new BigUint64Array(CHUNK);
    let length = 0;
    let charsWithout = 0;
    this.#names.clear();
    this.#count = 0;
    try {
      for await (const lines of readLines(this.#source, MAX_CHARS)) {
        for (const line of lines) {
          const address = this.#parse(line);
          charsWithout = address === undefined ? charsWithout + line.lengthChars + 1 : 0;
          if (charsWithout > MAX_CHARS_WITHOUT) throw this.#hasNoAddresses(line);
          if (address === undefined) continue;
          chunk[length] = address;
          length += 1;
          this.#count += 1;
          if (length === CHUNK) {
            yield chunk;
            chunk = new BigUint64Array(CHUNK);
            length = 0;
          }
        }
      }
    } catch (error) {
      // What came before is answered.
      if (error instanceof InputFileError) yield chunk.slice(0, length);
      throw error;
    }
    if (length > 0) yield chunk.slice(0, length);
  }

  /** Says how much was left out, if not everything was said line by line. */
  complainOfRest(): void {
    const rest = this.#junkLines - MAX_COMPLAINTS;
    if (rest > 0)
      this.#complain(
        `pagewalk: ${this.name}: ${rest} more ${rest === 1 ? 'line that is' : 'lines that are'} no address`,
      );
  }

  #hasNoAddresses({ number }: TextLine): InputFileError {
    return new InputFileError(this.name, number, `no address in the last ${MAX_CHARS_WITHOUT} characters`);
  }

  /** @returns undefined for a line that does not count. @throws InputFileError for one that ends everything. */
  #parse({ number, text: line, isCut }: TextLine): bigint | undefined {
    const [before = ''] = line.split('#', 1);
    const text = before.trim();
    const isComment = before.length < line.length;
    if (text === '' && (isComment || !isCut)) return undefined;
    try {
      if (isCut && !isComment)
        throw new UsageError(`${formatPrintable(text.slice(0, 20))}… is too long for an address`);
      return this.#parseAddress(text, number);
    } catch (error) {
      const refused = new InputFileError(this.name, number, (error as UsageError).message, { cause: error });
      return this.#refuse(refused);
    }
  }

  #parseAddress(text: string, number: number): bigint {
    if (KERNEL_HEX.test(text)) return BigInt(`0x${text}`);
    const written = this.#takesNames ? parseWrittenAddress(text, this.#command) : null;
    if (written === null) return parseNumber(text, 'address', this.#command);
    if (written.kind === 'number') return written.value;
    if (this.#names.size === MOST_NAMES) throw new UsageError(`more than ${MOST_NAMES} lines of a list are names`);
    this.#names.set(this.#count, { number, written });
    return 0n;
  }

  #refuse(error: InputFileError): undefined {
    if (!this.#keepGoing) throw error;
    this.#junkLines += 1;
    if (this.#junkLines <= MAX_COMPLAINTS) this.#complain(`pagewalk: ${error.message}`);
    return undefined;
  }
}
