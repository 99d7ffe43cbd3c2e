import { GdbProtocolError } from '../../errors.ts';
import { refuseReply, replyText } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';

/** What the stub said of itself. @public */
export interface StubFeatures {
  /** The longest packet it takes, in bytes; QEMU says 4096 and means a payload of 4095. */
  readonly packetSizeBytes: number;
  /** It describes its registers (`qXfer:features:read`). */
  readonly targetDescription: boolean;
  /** Everything it said: name to value, or to `+`, `-`, `?`. */
  readonly all: ReadonlyMap<string, string>;
}

/**
 * `qSupported`, the first request of a session. It names no features of ours: `multiprocess+` would change the syntax of
 * thread ids for every later debugger of the same QEMU process.
 *
 * @internal
 */
export function supportedRequest(): GdbRequest<StubFeatures> {
  const payload = 'qSupported';
  return {
    payload,
    maxReplyBytes: 4096,
    decode(reply, context) {
      const text = replyText(reply);
      // An E reply has no semicolon and no equals sign, so it cannot pass for a feature list.
      const all = parseFeatures(text);
      const packetSize = all.get('PacketSize');
      if (packetSize === undefined) return refuseReply(reply, payload, "a feature list with 'PacketSize'", context);
      const packetSizeBytes = /^[0-9a-f]{1,8}$/i.test(packetSize) ? Number.parseInt(packetSize, 16) : 0;
      if (packetSizeBytes < 64)
        throw new GdbProtocolError('unusable PacketSize in reply to qSupported', reply, context);
      return { packetSizeBytes, targetDescription: all.get('qXfer:features:read') === '+', all };
    },
  };
}

function parseFeatures(text: string): Map<string, string> {
  const features = new Map<string, string>();
  for (const item of text.split(';')) {
    const equals = item.indexOf('=');
    if (equals > 0) features.set(item.slice(0, equals), item.slice(equals + 1));
    else if (equals < 0 && item.length > 1 && '+?-'.includes(item.slice(-1)))
      features.set(item.slice(0, -1), item.slice(-1));
  }
  return features;
}
