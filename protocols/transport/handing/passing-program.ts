/**
 * Sends messages on a socket that it has inherited (descriptor 3), each with a descriptor (unix(7), SCM_RIGHTS), for which Node has no
 * call. The socket does not block, as its other user's does not. A connection that was handed over (descriptor 4) is let go of: its end is
 * to be seen.
 *
 * @internal
 */
export const PASSING_PROGRAM = `
import array, json, os, select, socket, sys
peer = socket.socket(fileno=3)
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
            select.select([], [peer], [])
    if message["number"] == 4:
        os.close(4)
`;
