/**
 * Sends messages on a socket that it has inherited (descriptor 3), each with a descriptor (unix(7), SCM_RIGHTS), for which Node has no
 * call. The socket does not block, as its other user's does not. A connection that was handed over (descriptor 4) is let go of: its end is
 * to be seen. It ends with its input, also where the other end does not read what it sends.
 *
 * @internal
 */
export const PASSING_PROGRAM = `
import array, json, os, select, socket, sys
peer = socket.socket(fileno=3)
room = select.poll()
room.register(peer, select.POLLOUT)
room.register(0, select.POLLRDHUP)
print("ready", flush=True)
for line in sys.stdin:
    message = json.loads(line)
    left = message["text"].encode() + b"\\n"
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [message["number"]]))]
    while left:
        try:
            left = left[peer.sendmsg([left], rights):]
            rights = []
        except BlockingIOError:
            if any(descriptor == 0 for descriptor, _ in room.poll()):
                sys.exit()
    if message["number"] == 4:
        os.close(4)
`;
