/*
 * The first process of a guest whose names are known: it says on the debug console (port 0xe9) what Linux itself says of its
 * symbols and of the pages of its processes, and then stays as it is. Freestanding, so that one file serves 64 and 32 bits:
 *
 *   gcc -Os -ffreestanding -fno-stack-protector -fno-pie -no-pie -nostdlib -static [-m32] names-init.c
 *
 * What it says, a line each:
 *
 *   release RELEASE
 *   kallsyms COUNT HASH        vmlinux's lines of /proc/kallsyms, FNV-1a (64 bits) of their bytes
 *   modules COUNT HASH         those of modules, the type in lower case, without white space
 *   process PID NAME
 *   page PID ADDRESS FRAME     for each present page, by /proc/PID/pagemap
 *   hidden PID ADDRESS FRAME   the same where its area allows nothing (PROT_NONE)
 *   swapped PID ADDRESS TYPE OFFSET SOFT-DIRTY WRITE-PROTECTED
 *   protected PID ADDRESS      by userfaultfd, a present page
 *   area PID LINE              for each line of /proc/PID/maps
 *   memory PID PAGES           resident, by /proc/PID/statm
 *   ready
 *
 * With `dump` on the kernel's command line all lines of /proc/kallsyms follow, after "symbols" and before "ready".
 */
typedef unsigned char u8;
typedef unsigned long ulong;
typedef unsigned long long u64;

#ifdef __x86_64__
enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, PREAD = 17, PAUSE = 34, FORK = 57, EXIT = 60, MKDIR = 83,
       PRCTL = 157, MOUNT = 165, IOPL = 172, GETDENTS = 217, FINIT_MODULE = 313, MMAP = 9, GETPID = 39, NANOSLEEP = 35,
       UNAME = 63, BRK = 12, MPROTECT = 10, MADVISE = 28, IOCTL = 16, FTRUNCATE = 77, SWAPON = 167, USERFAULTFD = 323,
       PIPE = 22 };
static long call(long n, long a, long b, long c, long d, long e, long f)
{
	long r;
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	asm volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}
asm(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call run\n");
#else
enum { READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, PREAD = 180, PAUSE = 29, FORK = 2, EXIT = 1, MKDIR = 39,
       PRCTL = 172, MOUNT = 21, IOPL = 110, GETDENTS = 220, FINIT_MODULE = 350, MMAP = 192, GETPID = 20, NANOSLEEP = 162,
       UNAME = 122, BRK = 45, MPROTECT = 125, MADVISE = 219, IOCTL = 54, FTRUNCATE = 93, SWAPON = 87, USERFAULTFD = 374,
       PIPE = 42 };
static long call(long n, long a, long b, long c, long d, long e, long f)
{
	long r;
	long arguments[2] = { n, f };
	asm volatile("push %%ebp\n mov 4(%%eax), %%ebp\n mov (%%eax), %%eax\n int $0x80\n pop %%ebp"
		: "=a"(r) : "a"(arguments), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return r;
}
asm(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %esp\n call run\n");
#endif
#define CALL(n, a, b, c, d) call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

void *memcpy(void *to, const void *from, ulong n)
{
	for (ulong i = 0; i < n; i++) ((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}
void *memset(void *to, int c, ulong n)
{
	for (ulong i = 0; i < n; i++) ((u8 *)to)[i] = c;
	return to;
}
static ulong length(const char *s)
{
	ulong n = 0;
	while (s[n]) n++;
	return n;
}
static int same(const char *a, const char *b, ulong n)
{
	for (ulong i = 0; i < n; i++) if (a[i] != b[i]) return 0;
	return 1;
}

static void out(const char *s, ulong n)
{
	asm volatile("rep outsb" : "+S"(s), "+c"(n) : "d"(0xe9) : "memory");
}
static void say(const char *s) { out(s, length(s)); }
static void number(u64 value, unsigned base)
{
	char text[24], *p = text + sizeof text;
	ulong high = value >> 32, low = value;
	/* By 16 and 10 alone; a 64-bit division would want a library on 32 bits. */
	*--p = 0;
	if (base == 16) {
		int some = 0;
		for (int i = 0; i < 16; i++) {
			*--p = "0123456789abcdef"[(value >> (4 * i)) & 15];
			some |= 1;
		}
		while (*p == '0' && p[1]) p++;
	} else {
		(void)high;
		do *--p = '0' + low % 10, low /= 10; while (low);
	}
	say(p);
}
static void hex16(u64 value)
{
	char text[17];
	for (int i = 0; i < 16; i++) text[15 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15];
	out(text, 16);
}

/* A file line by line, however long it is. */
struct lines { long fd; ulong at, have; char bytes[65536]; };
static struct lines input;
static int open_lines(const char *path)
{
	input.fd = CALL(OPEN, path, 0, 0, 0);
	input.at = input.have = 0;
	return input.fd >= 0;
}
static long next_line(char *line, ulong room)
{
	ulong n = 0;
	for (;;) {
		if (input.at == input.have) {
			long got = CALL(READ, input.fd, input.bytes, sizeof input.bytes, 0);
			if (got <= 0) { CALL(CLOSE, input.fd, 0, 0, 0); return -1; }
			input.at = 0;
			input.have = got;
		}
		char c = input.bytes[input.at++];
		if (c == '\n') { line[n] = 0; return n; }
		if (n + 1 < room) line[n++] = c;
	}
}

static u64 fnv(u64 hash, const char *s, ulong n)
{
	for (ulong i = 0; i < n; i++) hash = (hash ^ (u8)s[i]) * 0x100000001b3ull;
	return hash;
}
#define FNV 0xcbf29ce484222325ull

static void tell_symbols(int dump)
{
	static char line[4096], packed[4096];
	u64 own = FNV, theirs = FNV;
	ulong count = 0, of_modules = 0;
	if (!open_lines("/proc/kallsyms")) { say("error: no /proc/kallsyms\n"); return; }
	if (dump) say("symbols\n");
	for (long n; (n = next_line(line, sizeof line)) >= 0;) {
		if (dump) { out(line, n); say("\n"); }
		if (line[n - 1] != ']') {
			own = fnv(fnv(own, line, n), "\n", 1);
			count++;
			continue;
		}
		ulong m = 0, words = 0;
		for (long i = 0; i < n; i++) {
			if (line[i] == ' ' || line[i] == '\t') { words++; continue; }
			packed[m++] = words == 1 && line[i] >= 'A' && line[i] <= 'Z' ? line[i] + 32 : line[i];
		}
		theirs = fnv(fnv(theirs, packed, m), "\n", 1);
		of_modules++;
	}
	say("kallsyms "); number(count, 10); say(" "); hex16(own);
	say("\nmodules "); number(of_modules, 10); say(" "); hex16(theirs); say("\n");
}

static const char *path(ulong pid, const char *name)
{
	static char text[64];
	char digits[12];
	int n = 0, m = 0;
	do digits[m++] = '0' + pid % 10, pid /= 10; while (pid);
	for (const char *p = "/proc/"; *p; p++) text[n++] = *p;
	while (m) text[n++] = digits[--m];
	text[n++] = '/';
	for (const char *p = name; *p; p++) text[n++] = *p;
	text[n] = 0;
	return text;
}

static u64 parse_hex(const char **s)
{
	u64 value = 0;
	for (;; (*s)++) {
		char c = **s;
		if (c >= '0' && c <= '9') value = value << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f') value = value << 4 | (c - 'a' + 10);
		else return value;
	}
}

static void tell_process(ulong pid)
{
	static char line[1024];
	static u64 entries[512];
	if (!open_lines(path(pid, "comm"))) return;
	if (next_line(line, sizeof line) < 0) return;
	CALL(CLOSE, input.fd, 0, 0, 0);
	say("process "); number(pid, 10); say(" "); say(line); say("\n");
	if (open_lines(path(pid, "statm")) && next_line(line, sizeof line) > 0) {
		const char *p = line;
		while (*p && *p != ' ') p++;
		ulong pages = 0;
		for (p++; *p >= '0' && *p <= '9'; p++) pages = pages * 10 + (*p - '0');
		CALL(CLOSE, input.fd, 0, 0, 0);
		say("memory "); number(pid, 10); say(" "); number(pages, 10); say("\n");
	}
	long map = CALL(OPEN, path(pid, "pagemap"), 0, 0, 0);
	if (!open_lines(path(pid, "maps"))) return;
	while (next_line(line, sizeof line) >= 0) {
		const char *p = line;
		u64 first = parse_hex(&p);
		p++;
		u64 end = parse_hex(&p);
		say("area "); number(pid, 10); say(" "); say(line); say("\n");
		int hidden = line[0] && *p == ' ' && p[1] == '-' && p[2] == '-' && p[3] == '-';
		if (first >> 47 || (sizeof(long) == 4 && first >= 0xffffe000)) continue;
		while (first < end) {
			ulong want = (end - first) >> 12;
			if (want > 512) want = 512;
			u64 at = first >> 12 << 3;
#ifdef __x86_64__
			long got = call(PREAD, map, (long)entries, want * 8, at, 0, 0);
#else
			long got = call(PREAD, map, (long)entries, want * 8, (long)at, (long)(at >> 32), 0);
#endif
			if (got <= 0) break;
			for (ulong i = 0; i < (ulong)got / 8; i++) {
				if (entries[i] >> 62 == 1) {
					say("swapped "); number(pid, 10); say(" "); number(first + (u64)i * 4096, 16);
					say(" "); number(entries[i] & 31, 10); say(" "); number((entries[i] >> 5) & ((1ull << 50) - 1), 16);
					say(entries[i] >> 55 & 1 ? " 1" : " 0"); say(entries[i] >> 57 & 1 ? " 1\n" : " 0\n");
				}
				if (!(entries[i] >> 63)) continue;
				if (entries[i] >> 57 & 1) {
					say("protected "); number(pid, 10); say(" "); number(first + (u64)i * 4096, 16); say("\n");
				}
				say(hidden ? "hidden " : "page "); number(pid, 10); say(" "); number(first + (u64)i * 4096, 16);
				say(" "); number(entries[i] & ((1ull << 55) - 1), 16); say("\n");
			}
			first += (u64)(got / 8) << 12;
		}
	}
	CALL(CLOSE, map, 0, 0, 0);
}

static int has_word(const char *word)
{
	static char line[4096];
	if (!open_lines("/proc/cmdline")) return 0;
	long n = next_line(line, sizeof line);
	if (n >= 0) CALL(CLOSE, input.fd, 0, 0, 0);
	ulong m = length(word);
	for (long i = 0; i + (long)m <= n; i++)
		if (same(line + i, word, m) && (i == 0 || line[i - 1] == ' ') && (line[i + m] == ' ' || !line[i + m])) return 1;
	return 0;
}

static void load_modules(void)
{
	static char name[256], file[300];
	struct lines *list = &input;
	if (!open_lines("/modules/order")) return;
	while (next_line(name, sizeof name) > 0) {
		ulong n = 9, m = length(name);
		memcpy(file, "/modules/", 9);
		memcpy(file + n, name, m + 1);
		long fd = CALL(OPEN, file, 0, 0, 0);
		long result = CALL(FINIT_MODULE, fd, "", 0, 0);
		CALL(CLOSE, fd, 0, 0, 0);
		say("module "); say(name); say(result ? " failed\n" : "\n");
	}
	(void)list;
}

static ulong child(const char *name, ulong megabytes, int spins)
{
	long pid = CALL(FORK, 0, 0, 0, 0);
	if (pid) return pid;
	CALL(PRCTL, 15, name, 0, 0);
	/* Some large allocation, half of which is touched. */
	u8 *memory = (u8 *)call(MMAP, 0, (long)(megabytes << 20), 3, 0x22, -1, 0);
	for (ulong i = 0; i < megabytes << 20; i += 3 * 4096) memory[i] = i;
	for (;;) if (!spins) CALL(PAUSE, 0, 0, 0, 0);
}

/* A file of a megabyte as a swap device, by way of a loop device. */
static void make_swap(void)
{
	static u8 header[4096];
	CALL(MKDIR, "/dev", 0755, 0, 0);
	call(MOUNT, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0, 0);
	long file = CALL(OPEN, "/tmp/swap", 0x42, 0600, 0), loop = CALL(OPEN, "/dev/loop0", 2, 0, 0);
	((unsigned *)header)[256] = 1;
	((unsigned *)header)[257] = 255;
	memcpy(header + 4086, "SWAPSPACE2", 10);
	CALL(WRITE, file, header, 4096, 0);
	CALL(FTRUNCATE, file, 1 << 20, 0, 0);
	CALL(IOCTL, loop, 0x4c00, file, 0);
	if (CALL(SWAPON, "/dev/loop0", 0, 0, 0)) say("error: no swap\n");
}

/* Pages that are write-protected by userfaultfd. */
static void protect(u8 *memory, ulong bytes)
{
	u64 api[3] = { 0xaa, 1, 0 }, range[4] = { (ulong)memory, bytes, 2, 0 }, mode[3] = { (ulong)memory, bytes, 1 };
	long fd = CALL(USERFAULTFD, 0x800, 0, 0, 0);
	if (CALL(IOCTL, fd, 0xc018aa3f, api, 0) || CALL(IOCTL, fd, 0xc020aa00, range, 0) || CALL(IOCTL, fd, 0xc018aa06, mode, 0))
		say("error: no userfaultfd\n");
}

/* A thread that waits: it has a stack of its own, and nothing of this function's. */
static long thread(u8 *stack)
{
	long pid;
#ifdef __x86_64__
	register long none10 __asm__("r10") = 0;
	register long none8 __asm__("r8") = 0;
	__asm__ volatile("syscall; test %%eax, %%eax; jnz 2f; 1: mov $34, %%eax; syscall; jmp 1b; 2:"
		: "=a"(pid) : "a"(56), "D"(0x50f00), "S"(stack), "d"(0), "r"(none10), "r"(none8) : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80; test %%eax, %%eax; jnz 2f; 1: mov $29, %%eax; int $0x80; jmp 1b; 2:"
		: "=a"(pid) : "a"(120), "b"(0x50f00), "c"(stack), "d"(0), "S"(0), "D"(0) : "memory");
#endif
	return pid;
}

/* A process with an area of each kind, more areas than one node of a tree has, and with entries that are not present. */
static ulong keeper(void)
{
	int done[2];
	CALL(PIPE, done, 0, 0, 0);
	long pid = CALL(FORK, 0, 0, 0, 0);
	if (pid) {
		char byte;
		/* One that dies is no reason to wait for it. */
		CALL(CLOSE, done[1], 0, 0, 0);
		CALL(READ, done[0], &byte, 1, 0);
		return pid;
	}
	CALL(PRCTL, 15, "keeper", 0, 0);
	u8 *heap = (u8 *)CALL(BRK, 0, 0, 0, 0);
	CALL(BRK, heap + 0x4000, 0, 0, 0);
	heap[0x1000] = 1;
	CALL(MKDIR, "/tmp/place", 0755, 0, 0);
	long file = CALL(OPEN, "/tmp/place/file", 0x42, 0600, 0);
	CALL(FTRUNCATE, file, 0x2000, 0, 0);
	*(volatile u8 *)call(MMAP, 0, 0x2000, 3, 1, file, 0) = 1;
	u8 *many = (u8 *)call(MMAP, 0, 400 << 12, 3, 0x22, -1, 0);
	for (int i = 0; i < 400; i++) many[i << 12] = i;
	for (int i = 0; i < 400; i += 2) CALL(MPROTECT, many + (i << 12), 0x1000, 1, 0);
	u8 *memory = (u8 *)call(MMAP, 0, 32 << 12, 3, 0x22, -1, 0);
	for (int i = 0; i < 32; i++) memory[i << 12] = i + 1;
	make_swap();
	CALL(MPROTECT, memory, 4 << 12, 0, 0);
	protect(memory + (8 << 12), 8 << 12);
	CALL(MADVISE, memory + (12 << 12), 12 << 12, 21, 0);
	for (int i = 0; i < 2; i++) {
		static u8 stacks[2][4096] __attribute__((aligned(16)));
		say("thread "); number(CALL(GETPID, 0, 0, 0, 0), 10); say(" "); number(thread(stacks[i] + 4096), 10); say("\n");
	}
	CALL(WRITE, done[1], "x", 1, 0);
	for (;;) CALL(PAUSE, 0, 0, 0, 0);
}

__attribute__((used)) void run(void)
{
	static char line[512];
	CALL(IOPL, 3, 0, 0, 0);
	CALL(MKDIR, "/proc", 0755, 0, 0);
	call(MOUNT, (long)"proc", (long)"/proc", (long)"proc", 0, 0, 0);
	if (open_lines("/proc/sys/kernel/osrelease") && next_line(line, sizeof line) > 0) {
		say("release "); say(line); say("\n");
		CALL(CLOSE, input.fd, 0, 0, 0);
	}
	load_modules();
	CALL(MKDIR, "/tmp", 0755, 0, 0);
	call(MOUNT, (long)"tmp", (long)"/tmp", (long)"tmpfs", 0, 0, 0);
	ulong pids[5] = { 1, child("sleeper", 2, 0), child("second-sleeper", 3, 0), keeper(), 0 };
	long moment[2] = { 0, 300 * 1000 * 1000 };
	CALL(NANOSLEEP, moment, 0, 0, 0);
	tell_symbols(has_word("dump"));
	for (int i = 1; i < 4; i++) tell_process(pids[i]);
	/* One that keeps its processor in user mode, where that is asked for. */
	if (has_word("spin")) {
		pids[4] = child("spinner", 1, 1);
		say("process "); number(pids[4], 10); say(" spinner\n");
		CALL(NANOSLEEP, moment, 0, 0, 0);
	}
	say("ready\n");
	for (;;) CALL(PAUSE, 0, 0, 0, 0);
}
