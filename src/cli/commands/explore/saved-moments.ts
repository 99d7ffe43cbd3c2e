import { describeFailure } from '../../describe-failure.ts';
import { requireAlike } from '../../io/require-alike.ts';
import type { CliContext } from '../../options/command.ts';
import { LIMITS_OF_SERVER } from '../../picture/moment-bytes.ts';
import { momentOfFile, type SavedMoment } from '../../picture/saved-moment.ts';
import type { ServedMoments } from './page-server.ts';
import { NAME } from './parse-explore.ts';

/** Maps that were saved by `pagewalk map --json`, as they were when this began. @internal */
export class SavedMoments implements ServedMoments {
  readonly live = false;
  readonly symbols = null;
  readonly #moments: readonly Uint8Array[];

  private constructor(moments: readonly Uint8Array[]) {
    this.#moments = moments;
  }

  /**
   * @throws {@link InputFileError} `ERR_CLI_INPUT_FILE` for a file that holds no map, or not all of one, and for maps of different
   * things.
   */
  static async read(files: readonly string[], context: CliContext): Promise<SavedMoments> {
    const moments: SavedMoment[] = [];
    for (const file of files) {
      const moment = await momentOfFile(file, LIMITS_OF_SERVER, context, NAME);
      requireAlike(moments[0] ?? moment, moment);
      moments.push(moment);
    }
    return new SavedMoments(moments.map(({ bytes }) => bytes));
  }

  get count(): number {
    return this.#moments.length;
  }

  async moment(at: number): Promise<Uint8Array> {
    const moment = this.#moments[at];
    if (moment === undefined) throw new RangeError(`there is no moment ${at}`);
    return moment;
  }

  placeOf(): null {
    return null;
  }

  take(): Promise<Uint8Array> {
    return Promise.reject(new RangeError('a saved map stays as it was'));
  }

  async describe(error: unknown): Promise<string> {
    return (await describeFailure(error, false)).join(' ');
  }
}
