/*
 * What a page-table walk costs at least: four levels, P at each, R/W, U/S and XD gathered and judged at the leaf, and nothing
 * else - no reserved bits, no large pages, no modes, no keys, no reasons. The walk of src/paging is measured against it, on the
 * same tables and the same addresses, in the same run.
 *
 *   walk-baseline TABLES ADDRESSES ROOT ACCESS LINK PASSES
 *
 * TABLES is guest physical memory from address 0 on, ADDRESSES little-endian 64-bit linear addresses, ROOT the physical address
 * of the top table in hexadecimal, ACCESS any of the letters w, u and x. Says for each pass how many nanoseconds a walk took,
 * and at the end a checksum over the page numbers, by which the caller sees that both walked to the same places.
 *
 * Walks of a loop overlap: while one waits for memory the processor begins the next dozen. That is throughput. With LINK
 * "linked" each address depends on where the walk before led (by a mask of no bits, which the compiler does not know), so that
 * what is measured is how long one walk takes.
 */
#define _POSIX_C_SOURCE 200112L
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENTRY_P (UINT64_C(1) << 0)
#define ENTRY_RW (UINT64_C(1) << 1)
#define ENTRY_US (UINT64_C(1) << 2)
#define ENTRY_XD (UINT64_C(1) << 63)
#define ADDRESS_BITS UINT64_C(0x000ffffffffff000)

#define FAULT UINT64_MAX

static uint64_t walk(const uint8_t *memory, uint64_t root, uint64_t linear, uint64_t needed, uint64_t forbidden)
{
	uint64_t table = root;
	uint64_t rights = ENTRY_RW | ENTRY_US;
	uint64_t denied = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t index = (linear >> shift) & 511;
		uint64_t entry = *(const uint64_t *)(memory + table + 8 * index);

		if (!(entry & ENTRY_P))
			return FAULT;
		rights &= entry;
		denied |= entry;
		table = entry & ADDRESS_BITS;
	}
	if ((rights & needed) != needed || (denied & forbidden))
		return FAULT;
	return table | (linear & 0xfff);
}

static void *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	void *bytes = NULL;

	if (!file || fseek(file, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	*size = (size_t)ftell(file);
	rewind(file);
	if (posix_memalign(&bytes, 4096, *size) != 0 || fread(bytes, 1, *size, file) != *size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	return bytes;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t table_bytes, address_bytes;
	uint32_t checksum = 0;

	if (argc != 7) {
		fprintf(stderr, "usage: walk-baseline TABLES ADDRESSES ROOT ACCESS LINK PASSES\n");
		return 2;
	}
	const uint8_t *memory = read_file(argv[1], &table_bytes);
	const uint64_t *addresses = read_file(argv[2], &address_bytes);
	uint64_t root = strtoull(argv[3], NULL, 16);
	uint64_t needed = (strchr(argv[4], 'w') ? ENTRY_RW : 0) | (strchr(argv[4], 'u') ? ENTRY_US : 0);
	uint64_t forbidden = strchr(argv[4], 'x') ? ENTRY_XD : 0;
	int passes = atoi(argv[6]);
	size_t count = address_bytes / sizeof(*addresses);

	int linked = strcmp(argv[5], "linked") == 0;
	volatile uint64_t no_bits = 0;

	for (int pass = 0; pass < passes; pass++) {
		uint64_t mask = no_bits;
		double start = now_ns();

		checksum = 0;
		if (linked) {
			for (size_t at = 0; at < count; at++) {
				uint64_t linear = addresses[at] ^ (checksum & mask);

				checksum ^= (uint32_t)(walk(memory, root, linear, needed, forbidden) >> 12);
			}
		} else {
			for (size_t at = 0; at < count; at++)
				checksum ^= (uint32_t)(walk(memory, root, addresses[at], needed, forbidden) >> 12);
		}
		printf("%.3f\n", (now_ns() - start) / (double)count);
	}
	printf("%08" PRIx32 "\n", checksum);
	return 0;
}
