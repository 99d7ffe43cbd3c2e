import { refuseReply, replyText } from '../../packets/reply.ts';
import type { GdbRequest } from '../../packets/request.ts';
import { type GdbThread, MAX_THREADS, parseThreadId } from '../../packets/thread-id.ts';

/**
 * `qfThreadInfo`, then `qsThreadInfo` again and again: QEMU names one vCPU in each reply. Past the end the answer stays
 * `end`, so several may be asked for at once.
 *
 * @internal
 */
export function listThreadsRequest(position: 'first' | 'next'): GdbRequest<readonly GdbThread[] | 'end'> {
  const payload = position === 'first' ? 'qfThreadInfo' : 'qsThreadInfo';
  return {
    payload,
    // One id; this leaves room for a few.
    maxReplyBytes: 64,
    decode(reply, context) {
      const text = replyText(reply);
      if (text === 'l') return 'end';
      const threads = text.startsWith('m')
        ? text
            .slice(1)
            .split(',', MAX_THREADS + 1)
            .map(parseThreadId)
        : [undefined];
      if (threads.length > MAX_THREADS) refuseReply(reply, payload, `at most ${MAX_THREADS} thread ids`, context);
      const known = threads.filter((thread) => thread !== undefined);
      if (known.length !== threads.length) refuseReply(reply, payload, "'m' and thread ids, or 'l'", context);
      return known;
    },
  };
}
