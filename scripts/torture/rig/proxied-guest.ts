import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Approach, guestOptionsOf } from './approach.ts';
import { type Ends, MessageProxy, type Passing, type Protocol, type Tap } from './message-proxy.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { stubOf, TortureGuest, type TortureGuestOptions } from './torture-guest.ts';

/** What is done to what travels. */
export interface Disturbance {
  readonly before?: Tap;
  readonly after?: (message: Passing, ends: Ends) => void;
  readonly onConnection?: (protocol: Protocol, ends: Ends, connection: number) => void;
}

/** A guest with a proxy before its monitor and one before its stub; both pass everything on until they are told otherwise. */
export class ProxiedGuest implements AsyncDisposable {
  readonly guest: TortureGuest;
  readonly qmp: MessageProxy;
  readonly gdb: MessageProxy;
  readonly directory: string;
  readonly #current: { disturbance: Disturbance };

  private constructor(parts: {
    readonly guest: TortureGuest;
    readonly qmp: MessageProxy;
    readonly gdb: MessageProxy;
    readonly directory: string;
    readonly current: { disturbance: Disturbance };
  }) {
    this.guest = parts.guest;
    this.qmp = parts.qmp;
    this.gdb = parts.gdb;
    this.directory = parts.directory;
    this.#current = parts.current;
  }

  static async start(options: TortureGuestOptions = {}, approach?: Approach): Promise<ProxiedGuest> {
    const guest = await TortureGuest.start({ ...options, ...guestOptionsOf(approach) });
    const directory = mkdtempSync(join(tmpdir(), 'torture-proxies-'));
    const current: { disturbance: Disturbance } = { disturbance: {} };
    const listen = (protocol: Protocol, target: string, place?: ProxyPlace): Promise<MessageProxy> =>
      MessageProxy.listen({
        protocol,
        path: join(directory, protocol),
        target,
        ...(place === undefined ? {} : { place }),
        before: (message, ends) => current.disturbance.before?.(message, ends),
        after: (message, ends) => current.disturbance.after?.(message, ends),
        onConnection: (ends, connection) => current.disturbance.onConnection?.(protocol, ends, connection),
      });
    const place = await approach?.placeBefore(guest);
    const [qmp, gdb] = await Promise.all([listen('qmp', guest.qmpPath, place), listen('gdb', stubOf(guest))]);
    return new ProxiedGuest({ guest, qmp, gdb, directory, current });
  }

  /** Disturbs what travels from now on, or, without an argument, nothing any more. Messages are counted from here. */
  disturb(disturbance: Disturbance = {}): void {
    for (const proxy of [this.qmp, this.gdb]) proxy.reset();
    this.#current.disturbance = disturbance;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.qmp[Symbol.asyncDispose]();
    await this.gdb[Symbol.asyncDispose]();
    await this.guest[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true });
  }
}
