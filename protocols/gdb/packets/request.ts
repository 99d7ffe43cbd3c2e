/** What a decoder may mention in its errors. @public */
export interface ReplyContext {
  /** The endpoint as a person wrote it. */
  readonly endpoint: string;
}

/**
 * One request: the text that is sent, and how its reply is read. Each file in `commands/` makes one kind.
 *
 * @public
 */
export interface GdbRequest<Result> {
  /** What is sent, without framing. Single-byte characters. */
  readonly payload: string;
  /** The longest payload the reply can have: what keeps the sum of outstanding replies within its bound. */
  readonly maxReplyBytes: number;
  /** Nothing is sent behind this request until it is answered. */
  readonly barrier?: true;
  /** The reply is a stop reply, which every other request must not be given. */
  readonly awaitsStop?: true;
  /** Waits longer, or shorter, than the client does by default. 0: for ever. */
  readonly timeoutMs?: number;
  /** Takes one packet of an answer that has several; gives false for the last one, which goes to `decode`. */
  absorb?(reply: Uint8Array, context: ReplyContext): boolean;
  /**
   * Reads the reply, a view that is good only during the call.
   *
   * @throws GdbReplyError (`ERR_GDB_REPLY`), GdbUnsupportedError (`ERR_GDB_UNSUPPORTED`); GdbProtocolError
   * (`ERR_GDB_PROTOCOL`) for what can be no reply to this request, after which the connection is not used any more.
   */
  decode(reply: Uint8Array, context: ReplyContext): Result;
}
