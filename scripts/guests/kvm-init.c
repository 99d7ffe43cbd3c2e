/*
 * The first process of a Linux that is a hypervisor: over /dev/kvm it makes a machine of its own, in long mode, with page tables
 * of its own, and says on the debug console (port 0xe9) where each page of that machine is:
 *
 *   gcc -Os -static kvm-init.c
 *
 *   page GVA GPA PHYSICAL MARK [readonly]   by the machine's tables as they are built here, and by /proc/self/pagemap
 *   untouched GVA GPA                       mapped by the machine's tables, and never touched by it
 *   absent GVA                              not mapped by the machine's tables
 *   root GPA                                its CR3
 *   ready                                   the machine has touched its pages; from now on it spins
 *   failed WHAT                             and nothing follows
 *
 * A mark is the first eight bytes of a page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	TABLES = 0x1000,     /* PML4, PDPT, PD, PT, PD of large pages: five pages */
	CODE = 0x8000,       /* GPA; its GVA is CODE_AT */
	LIST = 0x9000,       /* GPA; the addresses that the machine touches, ended by 0 */
	LOW_BYTES = 0x800000 /* 8 MiB at GPA 0 */
};
#define CODE_AT 0x400000UL
#define LIST_AT 0x401000UL
#define SMALL_AT 0x410000UL  /* eight small pages, in turned order */
#define SMALL 0x10000UL      /* their GPA */
#define HIGH_AT 0x420000UL   /* four small pages beyond 4 GiB */
#define HIGH 0x123456000UL
#define FIXED_AT 0x430000UL  /* two pages that the machine may only read, as its host has it */
#define FIXED 0x200000000UL
#define UNTOUCHED_AT 0x440000UL
#define UNTOUCHED 0x40000UL
#define ABSENT_AT 0x450000UL
#define LARGE_AT 0x40000000UL /* a large page at GPA 4 MiB */
#define LARGE 0x400000UL
#define LARGE_STEP 0x11000UL  /* of which it touches some */

enum { P = 1, W = 2, U = 4, PS = 0x80 };

static void say(const char *line)
{
	for (; *line; line++)
		outb(*line, 0xe9);
	outb('\n', 0xe9);
}

static void fail(const char *what)
{
	char line[200];
	snprintf(line, sizeof line, "failed %s: %s", what, strerror(errno));
	say(line);
	for (;;)
		pause();
}

static void load(const char *module)
{
	char path[100];
	snprintf(path, sizeof path, "/modules/%s.ko", module);
	int file = open(path, O_RDONLY);
	if (file < 0 || syscall(SYS_finit_module, file, "", 0) < 0)
		fail(module);
	close(file);
}

static uint8_t *memory(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED || mlock(at, bytes) < 0)
		fail("memory");
	return at;
}

static uint64_t physical(const void *at)
{
	static int file = -1;
	uint64_t entry;
	if (file < 0)
		file = open("/proc/self/pagemap", O_RDONLY);
	if (pread(file, &entry, 8, (uintptr_t)at / PAGE * 8) != 8 || !(entry >> 63))
		fail("pagemap");
	return (entry & ((1UL << 55) - 1)) * PAGE + (uintptr_t)at % PAGE;
}

static uint8_t *low, *high, *fixed;

static uint8_t *host_of(uint64_t gpa)
{
	return gpa >= FIXED ? fixed + (gpa - FIXED) : gpa >= HIGH ? high + (gpa - HIGH) : low + gpa;
}

static uint64_t *table(int number) { return (uint64_t *)(low + TABLES + number * PAGE); }

static void map(uint64_t gva, uint64_t gpa)
{
	table(3)[gva >> 12 & 511] = gpa | P | W | U;
}

static uint64_t *list;

static void tell(uint64_t gva, uint64_t gpa, const char *more)
{
	static uint64_t serial;
	char line[200];
	uint8_t *at = host_of(gpa);
	/* Code and list say what they are. */
	if (gpa != CODE && gpa != LIST)
		*(uint64_t *)at = 0x6d61726b00000000UL + ++serial;
	snprintf(line, sizeof line, "page %lx %lx %lx %lx%s", gva, gpa, physical(at), *(uint64_t *)at, more);
	say(line);
}

/* Reads what is at each address of the list, tells the host, and spins. */
static const uint8_t PROGRAM[] = {
	0x48, 0xad,             /* next: lodsq */
	0x48, 0x85, 0xc0,       /*       test rax, rax */
	0x74, 0x05,             /*       jz told */
	0x48, 0x8b, 0x18,       /*       mov rbx, [rax] */
	0xeb, 0xf4,             /*       jmp next */
	0xe6, 0x10,             /* told: out 0x10, al */
	0xeb, 0xfe,             /* spin: jmp spin */
};

static void add_slot(int vm, int slot, uint64_t gpa, uint64_t bytes, uint8_t *at, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = bytes, .userspace_addr = (uintptr_t)at,
	};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		fail("memory slot");
}

static void build(void)
{
	low = memory(LOW_BYTES);
	high = memory(4 * PAGE);
	fixed = memory(2 * PAGE);
	/* What is mapped, without being touched by the machine, is not in its host's tables: that is what is looked for. */
	table(0)[0] = (TABLES + PAGE) | P | W | U;
	table(1)[0] = (TABLES + 2 * PAGE) | P | W | U;
	table(1)[1] = (TABLES + 4 * PAGE) | P | W | U;
	table(2)[CODE_AT >> 21] = (TABLES + 3 * PAGE) | P | W | U;
	table(4)[0] = LARGE | P | W | U | PS;
	list = (uint64_t *)(low + LIST);
	memcpy(low + CODE, PROGRAM, sizeof PROGRAM);
}

static void fill(void)
{
	char line[100];
	int count = 0;
	map(CODE_AT, CODE);
	map(LIST_AT, LIST);
	for (int i = 0; i < 8; i++)
		map(list[count++] = SMALL_AT + i * PAGE, SMALL + (7 - i) * PAGE);
	for (int i = 0; i < 4; i++)
		map(list[count++] = HIGH_AT + i * PAGE, HIGH + i * PAGE);
	for (int i = 0; i < 2; i++)
		map(list[count++] = FIXED_AT + i * PAGE, FIXED + i * PAGE);
	map(UNTOUCHED_AT, UNTOUCHED);
	for (uint64_t at = 0; at < 2 << 20; at += LARGE_STEP)
		list[count++] = LARGE_AT + at;

	tell(CODE_AT, CODE, "");
	tell(LIST_AT, LIST, "");
	for (int i = 0; i < 8; i++)
		tell(SMALL_AT + i * PAGE, SMALL + (7 - i) * PAGE, "");
	for (int i = 0; i < 4; i++)
		tell(HIGH_AT + i * PAGE, HIGH + i * PAGE, "");
	for (int i = 0; i < 2; i++)
		tell(FIXED_AT + i * PAGE, FIXED + i * PAGE, " readonly");
	for (uint64_t at = 0; at < 2 << 20; at += LARGE_STEP)
		tell(LARGE_AT + at, LARGE + at, "");
	snprintf(line, sizeof line, "untouched %lx %lx", UNTOUCHED_AT, UNTOUCHED);
	say(line);
	snprintf(line, sizeof line, "absent %lx", ABSENT_AT);
	say(line);
	snprintf(line, sizeof line, "root %x", TABLES);
	say(line);
}

static void set_registers(int vcpu)
{
	struct kvm_sregs system;
	struct kvm_regs general = { .rip = CODE_AT, .rflags = 2, .rsi = LIST_AT };
	if (ioctl(vcpu, KVM_GET_SREGS, &system) < 0)
		fail("registers");
	struct kvm_segment data = { .limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_segment code = data;
	code.selector = 8;
	code.type = 11;
	code.db = 0;
	code.l = 1;
	system.cs = code;
	system.ds = system.es = system.ss = system.fs = system.gs = data;
	system.cr0 = 0x80000011; /* PG, ET, PE */
	system.cr3 = TABLES;
	system.cr4 = 0x20;   /* PAE */
	system.efer = 0x500; /* LMA, LME */
	if (ioctl(vcpu, KVM_SET_SREGS, &system) < 0 || ioctl(vcpu, KVM_SET_REGS, &general) < 0)
		fail("registers");
}

int main(void)
{
	if (iopl(3) < 0)
		return 1;
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
		fail("mount");
	load("irqbypass");
	load("kvm");
	load("kvm-amd");
	int kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		fail("/dev/kvm");
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		fail("machine");
	int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		fail("run");
	build();
	add_slot(vm, 0, 0, LOW_BYTES, low, 0);
	add_slot(vm, 1, HIGH, 4 * PAGE, high, 0);
	add_slot(vm, 2, FIXED, 2 * PAGE, fixed, KVM_MEM_READONLY);
	fill();
	set_registers(vcpu);
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0)
			fail("run");
		if (run->exit_reason != KVM_EXIT_IO) {
			char line[100];
			snprintf(line, sizeof line, "exit %u", run->exit_reason);
			fail(line);
		}
		say("ready");
	}
}
