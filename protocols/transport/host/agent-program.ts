import { quoteWord } from '../exec/quote-word.ts';
import { PYTHON_OPTIONS } from '../handing/find-python.ts';

/** What the program says first, on a line of its own: what the shell of that host has printed before is not it. @internal */
export const AGENT_GREETING = 'pagewalk-agent 1';

/** Bytes of a frame's payload at most; both sides keep to it. @internal */
export const MAX_FRAME_BYTES = 1 << 20;

/**
 * What runs on the other host, in Python, of which every system has the parts. Frames in both directions: a channel and a length of 4 bytes
 * each (big-endian), and so many bytes. Channel 0 has requests and answers in JSON; other channels are connections, whose end is an
 * empty frame; and those with the highest bit the bytes of the answer of that number. It ends with its input, and all that it has made
 * ends with it: connections, and a file that never had a name.
 *
 * What QEMU is asked for goes through its own sockets alone. A process is only looked into when it holds a socket that was handed over here, or has
 * made a connection at one that none but its user and root can get to; and an endpoint that QEMU named is only connected to when that process
 * listens there. What has a name lies in a folder of its own, which goes with the program, by whatever signal but SIGKILL.
 */
const AGENT_PROGRAM = `
import array, json, os, select, signal, socket, stat, struct, sys, time
MAX = 1 << 20
MOST = 64 << 20
channels, kept, taken, state = {}, {}, {}, {"next": 100}
listeners, folders, named = [], [], set()
class Channel:
    def __init__(self, sock):
        self.sock, self.out, self.ended = sock, bytearray(), False
        sock.setblocking(False)
class Listener:
    def __init__(self, sock, folder, channel):
        self.sock, self.folder, self.channel, self.pid = sock, folder, channel, None
def say(channel, data):
    data = struct.pack(">II", channel, len(data)) + data
    while data:
        data = data[os.write(1, data):]
def answer(number, **what):
    say(0, json.dumps(dict(what, id=number)).encode())
def give(number, data):
    for at in range(0, len(data), MAX):
        say(1 << 31 | number, data[at:at + MAX])
    answer(number, bytes=len(data))
def keep(thing):
    state["next"] += 1
    kept[state["next"]] = thing
    return state["next"]
def inodes(pid):
    found = set()
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            target = os.readlink("/proc/%d/fd/%s" % (pid, name))
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found
def holders(inode):
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if "qemu" in os.path.basename(os.readlink("/proc/%s/exe" % name)) and inode in inodes(int(name)):
                found.append(int(name))
        except OSError:
            continue
    return found
def rows(pid, table):
    with open("/proc/%d/net/%s" % (pid, table), errors="surrogateescape", newline="\\n") as lines:
        return lines.read().split("\\n")[1:]
def bound_at(pid, path):
    for attempt in range(5):
        found = [row.split(None, 7) for row in rows(pid, "unix")]
        found = [row for row in found if len(row) > 6 and row[6] != "0"]
        if len(set(row[6] for row in found)) == len(found):
            return [int(row[6]) for row in found if row[7:] == [path] and int(row[3], 16) & 0x10000]
    return []
def parts_of(path):
    return [part for part in os.path.normpath("/" + path).split("/") if part]
def walk(root, parts):
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    for at, part in enumerate(parts):
        folder = descriptor
        try:
            descriptor = os.open(part, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
            found = os.fstat(descriptor)
            if not stat.S_ISLNK(found.st_mode):
                continue
            os.close(descriptor)
            if at == len(parts) - 1 or found.st_uid not in (0, os.geteuid()):
                return None, None, None
            return None, at, os.readlink(part, dir_fd=folder)
        finally:
            os.close(folder)
    return descriptor, None, None
def bound_socket(path, root="/"):
    parts = parts_of(path)
    for links in range(41):
        descriptor, at, target = walk(root, parts)
        if at is None:
            break
        before = [] if target.startswith("/") else parts[:at]
        parts = parts_of("/".join(before + [target] + parts[at + 1:]))
    else:
        return None
    if descriptor is None:
        return None
    found = os.fstat(descriptor)
    if stat.S_ISSOCK(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    return None
def identity(path, root="/"):
    descriptor = bound_socket(path, root)
    if descriptor is None:
        return None
    found = os.fstat(descriptor)
    os.close(descriptor)
    return "%d:%d" % (found.st_dev, found.st_ino)
def listens(pid, target):
    own = inodes(pid)
    if target["kind"] == "unix":
        path = target["path"]
        bound = bound_at(pid, path)
        if not bound or not all(inode in own for inode in bound):
            return None
        descriptor = bound_socket(path)
        if descriptor is None:
            return None
        found = os.fstat(descriptor)
        if identity(path, "/proc/%d/root" % pid) == "%d:%d" % (found.st_dev, found.st_ino):
            return descriptor
        os.close(descriptor)
        return None
    found = []
    for table in ("tcp", "tcp6"):
        try:
            lines = rows(os.getpid(), table)
        except OSError:
            continue
        for row in (line.split() for line in lines):
            if len(row) > 9 and row[3] == "0A" and int(row[1].split(":")[1], 16) == target["port"]:
                found.append(int(row[9]))
    return -1 if found and all(inode in own for inode in found) else None
def connect(number, request):
    target = request["target"]
    descriptor = -1
    if request.get("holder") is not None:
        descriptor = listens(request["holder"], target)
        if descriptor is None:
            return answer(number, error="it is not proven that process %d listens there" % request["holder"])
    if target["kind"] == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(request["seconds"])
        try:
            sock.connect(target["path"] if descriptor < 0 else "/proc/self/fd/%d" % descriptor)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
    else:
        sock = socket.create_connection((target["host"], target["port"]), request["seconds"])
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channels[request["channel"]] = Channel(sock)
    answer(number)
def pair(number, request):
    ours, theirs = socket.socketpair()
    channels[request["channel"]] = Channel(ours)
    answer(number, kept=keep(theirs), inode=os.fstat(theirs.fileno()).st_ino)
def nameless():
    for folder in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"):
        if folder:
            try:
                return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
            except OSError:
                pass
    import tempfile
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor
def file(number, request):
    descriptor = nameless()
    answer(number, kept=keep(descriptor))
def owner(thread):
    if thread is not None and os.geteuid() == 0:
        try:
            with open("/proc/%d/status" % thread) as lines:
                return int([line for line in lines if line.startswith("Uid:")][0].split()[2])
        except (OSError, IndexError):
            pass
    return os.geteuid()
def make_folder():
    problem = None
    for above in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"):
        if above:
            try:
                folder = "%s/pagewalk-%s" % (above, os.urandom(6).hex())
                os.mkdir(folder, 0o700)
                folders.append(folder)
                return folder
            except OSError as error:
                problem = problem or error
    raise problem
def leave(folder):
    for remove, path in ((os.unlink, folder + "/gdb"), (os.unlink, folder + "/device-state"), (os.rmdir, folder)):
        try:
            remove(path)
        except OSError:
            pass
def listen(number, request):
    uid, folder, more = owner(request["thread"]), make_folder(), {}
    path, sock = folder + "/gdb", socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(1)
    sock.setblocking(False)
    if request["file"]:
        descriptor = os.open(folder + "/device-state", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        more = dict(file=keep(descriptor), filePath=folder + "/device-state")
        named.add(more["file"])
    if uid != os.geteuid():
        os.chown(path, uid, -1, follow_symlinks=False)
        if more:
            os.fchown(descriptor, uid, -1)
        os.chmod(folder, 0o711)
    listener = Listener(sock, folder, request["channel"])
    listeners.append(listener)
    answer(number, kept=keep(listener), path=path, **more)
def stop_listening(listener):
    listener.sock.close()
    listeners.remove(listener)
    os.unlink(listener.folder + "/gdb")
def arrive(listener):
    if listener not in listeners:
        return
    try:
        sock, _ = listener.sock.accept()
    except BlockingIOError:
        return
    listener.pid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    channels[listener.channel] = Channel(sock)
    stop_listening(listener)
def take(number, request):
    which = request["kept"]
    start = taken.get(which, 0)
    size = os.fstat(kept[which]).st_size - start
    if size > min(request["most"], MOST * 4):
        return answer(number, error="QEMU wrote %d bytes, and %d at most are expected" % (size, request["most"]))
    reader = os.open("/proc/self/fd/%d" % kept[which], os.O_RDONLY)
    data = b""
    while len(data) < size:
        part = os.pread(reader, size - len(data), start + len(data))
        if not part:
            break
        data += part
    os.close(reader)
    # QEMU begins anew what it opens by a name, and goes on with what it was handed.
    taken[which] = 0 if which in named else start + len(data)
    os.ftruncate(kept[which], 0)
    os.ftruncate(kept[which], taken[which])
    give(number, data)
def wait_for_room(channel):
    room = select.poll()
    room.register(channel.sock, select.POLLOUT)
    room.register(0, select.POLLRDHUP)
    if any(descriptor == 0 for descriptor, _ in room.poll()):
        sys.exit()
def hand(number, request):
    channel = channels[request["channel"]]
    while channel.out:
        wait_for_room(channel)
        flush(channel)
    thing = kept[request["kept"]]
    descriptor = thing if isinstance(thing, int) else thing.fileno()
    text = request["text"].encode() + b"\\n"
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
    while True:
        try:
            sent = channel.sock.sendmsg([text], rights)
            break
        except BlockingIOError:
            wait_for_room(channel)
    channel.out += text[sent:]
    if not isinstance(thing, int):
        thing.close()
        del kept[request["kept"]]
def holder(number, request):
    found = holders(request["inode"])
    if len(found) != 1:
        return answer(number, error="%d QEMUs are seen that hold it" % len(found))
    look(number, found[0], lambda: request["inode"] in inodes(found[0]))
def arrived(number, request):
    listener = kept[request["kept"]]
    arrive(listener)
    there = channels.get(listener.channel)
    if there is None:
        return answer(number, error="it has not connected")
    if "qemu" not in os.path.basename(os.readlink("/proc/%d/exe" % listener.pid)):
        return answer(number, error="process %d has connected, which is no QEMU" % listener.pid)
    end = select.poll()
    end.register(there.sock, GONE)
    look(number, listener.pid, lambda: not end.poll(0))
def look(number, pid, is_still):
    problem, memory, maps = None, None, os.open("/proc/%d/maps" % pid, os.O_RDONLY)
    try:
        memory = os.open("/proc/%d/mem" % pid, os.O_RDONLY)
    except OSError as error:
        problem = str(error)
    if not is_still():
        return answer(number, error="process %d changed while it was looked at" % pid)
    answer(number, pid=pid, uid=os.stat("/proc/%d" % pid).st_uid, problem=problem, maps=keep(maps), memory=keep(memory))
def maps(number, request):
    descriptor, data = kept[request["kept"]], b""
    os.lseek(descriptor, 0, os.SEEK_SET)
    while len(data) < MOST:
        part = os.read(descriptor, MAX)
        if not part:
            break
        data += part
    give(number, data)
def memory(number, request):
    parts, total = [], 0
    for position, length in request["at"]:
        total += length
        if total > MOST:
            return answer(number, error="too much at once")
        part = os.pread(kept[request["kept"]], length, position)
        if len(part) != length:
            return answer(number, error="only %d of %d bytes could be read" % (len(part), length))
        parts.append(part)
    give(number, b"".join(parts))
def said(number, things):
    give(number, json.dumps(things).encode())
def look_at_each(request, look_at):
    found = []
    for thing in request["of"]:
        try:
            found.append(look_at(thing))
        except OSError as error:
            found.append({"errno": error.errno})
    return found
def text(path):
    with open(path, "rb") as file:
        return file.read(MAX).decode("latin1")
def opened(pid):
    found = []
    for name in os.listdir("/proc/%d/fd" % pid):
        try:
            found.append([int(name), os.readlink("/proc/%d/fd/%s" % (pid, name))])
        except OSError:
            pass
    return found
def named_socket(path):
    place = path.split("/", 4)
    if place[1:2] == ["proc"] and place[3:4] in (["root"], ["cwd"]):
        return identity(place[4] if len(place) > 4 else "", "/".join(place[:4]))
    return identity(path)
def sharers(number, request):
    wanted, found, end = set(request["of"]), {}, time.monotonic() + 5
    for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int, reverse=True):
        if len(found) == len(wanted) or time.monotonic() > end:
            break
        try:
            for inode in wanted.intersection(inodes(int(name))):
                found.setdefault(inode, int(name))
        except OSError:
            pass
    said(number, list(found.items()))
def ends(number, request):
    import subprocess
    try:
        said(number, subprocess.run(["ss", "-xnH"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=2).stdout.decode("latin1"))
    except (OSError, subprocess.SubprocessError):
        said(number, "")
def processes(number, request):
    said(number, [int(name) for name in os.listdir("/proc") if name.isdigit()])
GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR
OPERATIONS = dict(connect=connect, pair=pair, file=file, listen=listen, take=take, hand=hand, holder=holder, arrived=arrived, maps=maps, memory=memory, ends=ends, sharers=sharers, processes=processes)
for name, look_at in dict(texts=text, links=os.readlink, opened=opened, sockets=named_socket).items():
    OPERATIONS[name] = lambda number, request, look_at=look_at: said(number, look_at_each(request, look_at))
def flush(channel):
    try:
        while channel.out:
            del channel.out[:channel.sock.send(channel.out)]
    except BlockingIOError:
        pass
    except OSError:
        channel.out.clear()
def obey(payload):
    request = json.loads(payload.decode())
    number = request.get("id", 0)
    try:
        OPERATIONS[request["op"]](number, request)
    except Exception as error:
        if number:
            answer(number, error=str(error), code=getattr(error, "errno", None))
def receive(channel, payload):
    if channel == 0:
        return obey(payload)
    waiting = [each for each in listeners if each.channel == channel]
    for listener in waiting:
        arrive(listener)
    there = channels.get(channel)
    if there is None:
        for listener in waiting if not payload else []:
            stop_listening(listener)
        return
    if payload:
        there.out += payload
        flush(there)
    else:
        flush(there)
        there.sock.close()
        del channels[channel]
def hear(number):
    channel = channels[number]
    try:
        data = channel.sock.recv(65536)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    say(number, data)
    channel.ended = not data
def serve():
    held = b""
    while True:
        numbers = {c.sock.fileno(): n for n, c in channels.items()}
        full = sum(len(c.out) for c in channels.values()) > 4 * MAX
        poll = select.poll()
        poll.register(0, select.POLLRDHUP | (0 if full else select.POLLIN))
        for listener in listeners:
            poll.register(listener.sock, select.POLLIN)
        for c in channels.values():
            events = (0 if c.ended else select.POLLIN) | (select.POLLOUT if c.out else 0)
            if events:
                poll.register(c.sock, events)
        ready = dict(poll.poll())
        for listener in list(listeners):
            arrive(listener)
        for descriptor, number in numbers.items():
            events = ready.get(descriptor, 0)
            if events & (select.POLLOUT | GONE):
                flush(channels[number])
            if events & (select.POLLIN | GONE) and not channels[number].ended:
                hear(number)
        heard = ready.get(0, 0)
        if full and heard:
            break
        if heard:
            data = os.read(0, 65536)
            if not data:
                break
            held += data
            while len(held) >= 8:
                channel, length = struct.unpack(">II", held[:8])
                if length > MAX:
                    sys.exit("a frame of %d bytes" % length)
                if len(held) < 8 + length:
                    break
                payload, held = held[8:8 + length], held[8 + length:]
                receive(channel, payload)
os.umask(0o077)
for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(each, lambda *_: sys.exit(1))
os.write(1, b"\\npagewalk-agent 1\\n")
try:
    serve()
finally:
    for each in folders:
        leave(each)
`;

/** A line for a shell of that host, which becomes the program. @internal */
export function agentCommand(): string {
  const options = PYTHON_OPTIONS.join(' ');
  return `p=/usr/bin/python3; [ -x $p ] || p=python3; exec $p ${options} -c ${quoteWord(AGENT_PROGRAM)}\n`;
}
