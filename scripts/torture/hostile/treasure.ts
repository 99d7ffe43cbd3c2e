import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PAGE = 4096;
const PIECE_BYTES = 4;
/** Access times are brought up to date only when they are older than a day, on most file systems. */
const LONG_AGO_S = 3 * 86_400;
const VICTIMS = 20;

/** What a hostile peer would like to have, and may not: things that only this process's user can reach. */
export class Treasure implements Disposable {
  readonly directory: string;
  /** A file whose first page everybody knows, and whose second is secret. */
  readonly secretPath: string;
  readonly knownPage: Buffer;
  readonly secret: Buffer;
  readonly marker: string;
  readonly linkPath: string;
  readonly fifoPath: string;
  readonly victimDirectory: string;
  readonly victims: readonly string[];
  readonly commandCanary: string;
  /** How often a client connected to the sockets. */
  connections = 0;
  readonly #servers: Server[] = [];

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'torture-treasure-'));
    const place = (name: string): string => join(this.directory, name);
    this.knownPage = Buffer.alloc(PAGE, 'a page that everybody knows. ');
    this.marker = `secret-${randomBytes(12).toString('hex')}`;
    this.secret = Buffer.concat([Buffer.from(this.marker), randomBytes(PAGE - this.marker.length)]);
    this.secretPath = place('secret');
    writeFileSync(this.secretPath, Buffer.concat([this.knownPage, this.secret, randomBytes(2 * PAGE)]), {
      mode: 0o600,
    });
    this.linkPath = place('link');
    symlinkSync(this.secretPath, this.linkPath);
    this.fifoPath = place('fifo');
    execFileSync('mkfifo', ['-m', '600', this.fifoPath]);
    this.victimDirectory = place('victims');
    mkdirSync(this.victimDirectory);
    this.victims = Array.from({ length: VICTIMS }, (_, at) => `important-${at}`);
    for (const name of this.victims) writeFileSync(join(this.victimDirectory, name), name);
    this.commandCanary = place('command-was-run');
    this.#age();
  }

  get socketPath(): string {
    return join(this.directory, 'socket');
  }

  /** A unix and a TCP socket that no client has any business to connect to. @returns the TCP port */
  async listen(): Promise<number> {
    const open = (where: string | number): Promise<Server> =>
      new Promise((resolve) => {
        const server = createServer((socket) => {
          this.connections += 1;
          socket.destroy();
        });
        this.#servers.push(server);
        const done = (): void => resolve(server);
        if (typeof where === 'number') server.listen(where, '127.0.0.1', done);
        else server.listen(where, done);
      });
    await open(this.socketPath);
    const address = (await open(0)).address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** What was done to it. */
  losses(): readonly string[] {
    const losses: string[] = [];
    const left = readdirSync(this.victimDirectory);
    const gone = this.victims.filter((name) => !left.includes(name));
    if (gone.length > 0)
      losses.push(`${gone.length} files of another directory were deleted: ${gone.slice(0, 3).join(', ')}`);
    if (Date.now() / 1000 - statSync(this.secretPath).atimeMs / 1000 < LONG_AGO_S / 2)
      losses.push('the secret file was read');
    if (this.connections > 0) losses.push(`a socket that is not the peer's was connected to ${this.connections} times`);
    if (readdirSync(this.directory).includes('command-was-run')) losses.push('a command that the peer named was run');
    return losses;
  }

  /** How many pieces of the secret are among addresses that a client asked for. */
  piecesIn(addresses: readonly number[]): number {
    return addresses.filter((address) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(address));
      // An entry's address is its bits 12 to 51; whole bytes of it are those from 2 to 5.
      return this.secret.includes(bytes.subarray(2, 2 + PIECE_BYTES));
    }).length;
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #age(): void {
    const then = Date.now() / 1000 - LONG_AGO_S;
    utimesSync(this.secretPath, then, then);
  }
}
