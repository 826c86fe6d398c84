/*
 * Calls of /dev/hibjump that nobody should make: random commands, structures, sizes, pointers, addresses and lengths, from
 * several threads that open and close the device as they go. The same seed makes the same calls of each thread.
 *
 *   fuzz_ioctl SEED CALLS [arm]
 *
 * HIBJUMP_ARM never gets a request that could be right, so that a HIBJUMP_LEAVE beside it has nothing to enter; with "arm"
 * there are right ones, and only a HIBJUMP_LEAVE whose records cannot be read. Prints how often each errno came.
 * Build: gcc -static -Os -pthread -I kernel-glue/include/uapi
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ram.h"

enum { PAGE = 4096, THREADS = 4, ERRNOS = 200 };

static uint64_t region_start, region_bytes;
static struct hibjump_range ram[64];
static unsigned ram_count;
static int may_arm, is_saver;
static unsigned long calls_each;
static unsigned long seen[THREADS][ERRNOS];

struct worker {
	unsigned number;
	uint64_t random;
	int device;
	uint8_t *memory; /* two pages, and a third that must not be touched */
};

static uint64_t next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static uint64_t one_of(struct worker *w, const uint64_t *values, unsigned count)
{
	return values[next(w) % count];
}

/* An address that the module may meet: near the edges of what it allows, or anywhere. */
static uint64_t address(struct worker *w)
{
	const uint64_t edges[] = { 0, PAGE, 0xa0000, 0x100000, region_start, region_start + region_bytes, region_start + PAGE,
				   1ULL << 32, 1ULL << 46, 1ULL << 63, ~0ULL };
	uint64_t a = one_of(w, edges, sizeof(edges) / sizeof(edges[0]));

	switch (next(w) % 4) {
	case 0: return a;
	case 1: return a + (int64_t)(next(w) % 9) - 4;
	case 2: return a + (next(w) % 64) * PAGE;
	}
	return next(w);
}

static void fill(struct worker *w, void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)bytes)[i] = next(w) % 3 ? 0 : next(w);
}

static void make_arm(struct worker *w, struct hibjump_arm *arm)
{
	memset(arm, 0, sizeof(*arm));
	arm->entry = address(w);
	arm->boot_params = address(w);
	arm->low_copy = address(w);
	arm->standby_low_copy = next(w) % 2 ? address(w) : 0;
	arm->low_count = next(w) % 10;
	for (unsigned i = 0; i < HIBJUMP_MAX_LOW; i++) {
		arm->low[i].start = next(w) % 2 ? i * PAGE : address(w);
		arm->low[i].bytes = next(w) % 2 ? PAGE : address(w);
	}
	arm->ranges = next(w) % 2 ? (uintptr_t)w->memory : next(w);
	arm->range_count = next(w) % 2 ? next(w) % 1000 : next(w);
	if (may_arm && next(w) % 16 == 0) { /* takes its time */
		arm->entry = region_start + 0x200;
		arm->boot_params = arm->low_copy = region_start;
		arm->standby_low_copy = next(w) % 2 ? region_start + PAGE : address(w);
		arm->low_count = 1;
		arm->low[0].start = PAGE;
		arm->low[0].bytes = PAGE;
		if (next(w) % 4) {
			arm->ranges = (uintptr_t)ram;
			arm->range_count = ram_count;
		}
	} else if (!may_arm) {
		arm->reserved = 1;
	}
}

/* Memory that is there, that ends too early, or that is nowhere; lengths around what is allowed. */
static void make_records(struct worker *w, __u64 *where, __u32 *bytes)
{
	const uint64_t lengths[] = { 0, 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE, HIBJUMP_MAX_RECORDS, HIBJUMP_MAX_RECORDS + 1, 0xffffffff };

	*bytes = one_of(w, lengths, sizeof(lengths) / sizeof(lengths[0]));
	*where = *bytes || next(w) % 8 == 0 ? (uintptr_t)w->memory : 0;
	if (next(w) % 4 == 0)
		*where = next(w);
}

/* A structure for the command, mostly of the right size. */
static size_t make_argument(struct worker *w, unsigned long command, uint8_t *to)
{
	const uint64_t sizes[] = { 0, 1, 3, 4, 8, 47, 48, 49, 24, 184, 192, 208, 280, 296, 312, 400, PAGE - 8, PAGE, PAGE + 1, 0x7fffffff, 0xffffffff };
	union {
		struct hibjump_info info;
		struct hibjump_arm arm;
		struct hibjump_leave leave;
		struct hibjump_return back;
		struct hibjump_devices devices;
		struct hibjump_stage stage;
		struct hibjump_staged staged;
		struct hibjump_home home;
		uint32_t size;
		uint8_t bytes[PAGE];
	} argument = { 0 };
	size_t size = sizeof(argument.info);

	if (next(w) % 4 == 0)
		fill(w, &argument, sizeof(argument));
	if (command == HIBJUMP_ARM) {
		make_arm(w, &argument.arm);
		size = sizeof(argument.arm);
	} else if (command == HIBJUMP_LEAVE) {
		make_records(w, &argument.leave.records, &argument.leave.records_bytes);
		argument.leave.reserved = next(w) % 8 == 0;
		size = sizeof(argument.leave);
	} else if (command == HIBJUMP_DEVICES) {
		make_records(w, &argument.devices.buffer, &argument.devices.buffer_bytes);
		size = sizeof(argument.devices);
	} else if (command == HIBJUMP_STAGE) {
		argument.stage.region_start = address(w);
		argument.stage.region_bytes = address(w);
		make_records(w, &argument.stage.ranges, &argument.stage.range_count);
		size = sizeof(argument.stage);
	} else if (command == HIBJUMP_STAGED) {
		size = sizeof(argument.staged);
	} else if (command == HIBJUMP_HOME) {
		argument.home.context = address(w);
		size = sizeof(argument.home);
	} else if (command == HIBJUMP_RETURN) {
		argument.back.context = address(w);
		argument.back.outcome = next(w) % 5;
		argument.back.flags = next(w) % 4 ? 0 : next(w) % 4;
		size = sizeof(argument.back);
	}
	argument.size = next(w) % 3 ? size : one_of(w, sizes, sizeof(sizes) / sizeof(sizes[0]));
	memcpy(to, &argument, PAGE);
	return size;
}

static void *pointer(struct worker *w, unsigned long command)
{
	uint8_t *edge = w->memory + 2 * PAGE;
	uint8_t content[PAGE];
	size_t size = make_argument(w, command, content);

	switch (next(w) % 10) {
	case 0: return NULL;
	case 1: return (void *)0xffff888000001000;
	case 2: return edge - next(w) % 8;
	case 3: return (void *)(uintptr_t)next(w);
	case 4: /* ends where memory does */
		memcpy(edge - size, content, size);
		return edge - size;
	}
	memcpy(w->memory, content, PAGE);
	return w->memory;
}

/* Records that run into memory that must not be touched: whatever is armed, nobody leaves. */
static long leave_in_vain(struct worker *w)
{
	struct hibjump_leave leave = { .size = sizeof(leave) };
	uint64_t there = next(w) % (2 * PAGE);

	leave.records = (uintptr_t)w->memory + 2 * PAGE - there;
	leave.records_bytes = there + 1 + next(w) % (next(w) % 4 ? PAGE : HIBJUMP_MAX_RECORDS);
	return ioctl(w->device, HIBJUMP_LEAVE, &leave);
}

/*
 * Where it works in the saver, the first and the last byte are read: mapped memory must be there. Staged memory
 * has only the pages of the machine, so a staged page is taken from those.
 */
static long map(struct worker *w)
{
	size_t length = (next(w) % 4 ? 1 + next(w) % 64 : next(w) % (1 << 20)) * PAGE;
	int protection = next(w) % 8 ? PROT_READ | PROT_WRITE : PROT_READ | PROT_EXEC;
	volatile uint8_t *mapped = mmap(NULL, length, protection, next(w) % 8 ? MAP_SHARED : MAP_PRIVATE, w->device, address(w) & ~(uint64_t)(PAGE - 1));

	if (mapped == MAP_FAILED)
		return -1;
	if (is_saver)
		(void)(mapped[0] + mapped[length - 1]);
	return munmap((void *)mapped, length);
}

/* Ranges as they may be, with one thing wrong, or anything. What works is written to and goes with the file. */
static long stage(struct worker *w)
{
	struct hibjump_range ranges[8] = { { 0 } };
	struct hibjump_stage stage = { .size = sizeof(stage), .ranges = (uintptr_t)ranges };
	uint64_t at = 0x100000 + (next(w) % 4096) * PAGE;
	uint8_t *mapped;

	stage.region_start = next(w) % 8 ? region_start : address(w);
	stage.region_bytes = next(w) % 8 ? region_bytes : address(w);
	stage.range_count = next(w) % 16 ? 1 + next(w) % 8 : next(w);
	for (unsigned i = 0; i < 8; i++) {
		ranges[i].start = at;
		ranges[i].bytes = (1 + next(w) % 64) * PAGE;
		at += ranges[i].bytes + (next(w) % 64) * PAGE;
	}
	if (next(w) % 4 == 0)
		ranges[next(w) % 8].start = address(w);
	if (next(w) % 4 == 0)
		ranges[next(w) % 8].bytes = address(w);
	if (next(w) % 16 == 0)
		stage.ranges = next(w);
	if (ioctl(w->device, HIBJUMP_STAGE, &stage))
		return -1;
	mapped = mmap(NULL, ranges[0].bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->device, ranges[0].start);
	if (mapped == MAP_FAILED)
		return -1;
	memset(mapped, 0x5a, ranges[0].bytes);
	if (next(w) % 2) {
		struct hibjump_return back = { .size = sizeof(back), .outcome = HIBJUMP_RESTORED, .context = ranges[0].start };
		struct hibjump_staged staged = { .size = sizeof(staged) };
		int refused = EINVAL; /* before HIBJUMP_STAGED */

		if (next(w) % 4 && !ioctl(w->device, HIBJUMP_STAGED, &staged))
			refused = EILSEQ; /* nobody goes into what is no context */
		if (ioctl(w->device, HIBJUMP_RETURN, &back) != -1 || (errno != refused && errno != EINTR))
			abort();
	}
	munmap(mapped, ranges[0].bytes);
	if (next(w) % 4) {
		close(w->device);
		w->device = open("/dev/hibjump", O_RDWR);
	}
	return 0;
}

static long call(struct worker *w)
{
	const uint64_t commands[] = { HIBJUMP_INFO, HIBJUMP_ARM, HIBJUMP_DISARM, HIBJUMP_LEAVE, HIBJUMP_RETURN, HIBJUMP_DEVICES, HIBJUMP_STAGE,
				      HIBJUMP_STAGED, HIBJUMP_HOME };
	unsigned long command = one_of(w, commands, sizeof(commands) / sizeof(commands[0]));
	size_t length = next(w) % 3 ? next(w) % (2 * PAGE) : next(w);

	if (may_arm && command == HIBJUMP_LEAVE)
		return leave_in_vain(w);
	switch (next(w) % 9) {
	case 0: return pread(w->device, w->memory, length, address(w));
	case 1: return pwrite(w->device, w->memory, length % (2 * PAGE), address(w));
	case 2: return pread(w->device, pointer(w, 0), length, address(w));
	case 3:
		close(w->device);
		w->device = open("/dev/hibjump", O_RDWR);
		return w->device;
	case 4:
		command = may_arm && next(w) % 2 ? HIBJUMP_ARM : next(w);
		if (command == HIBJUMP_LEAVE)
			return 0;
		return ioctl(w->device, command, pointer(w, command));
	case 5: return map(w);
	case 8:
		if (next(w) % 8 == 0) /* takes its time */
			return stage(w);
	}
	return ioctl(w->device, command, pointer(w, command));
}

static void *work(void *data)
{
	struct worker *w = data;

	w->memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(w->memory + 2 * PAGE, PAGE, PROT_NONE);
	w->device = open("/dev/hibjump", O_RDWR);
	for (unsigned long i = 0; i < calls_each; i++) {
		errno = 0;
		if (call(w) >= 0)
			errno = 0;
		seen[w->number][errno < ERRNOS ? errno : ERRNOS - 1]++;
	}
	close(w->device);
	return NULL;
}

int main(int argc, char **argv)
{
	struct hibjump_info info = { .size = sizeof(info) };
	pthread_t threads[THREADS];
	struct worker workers[THREADS];
	int device = -1;

	for (unsigned tries = 0; device < 0 && tries < 10000; tries++) { /* somebody may be loading the module just now */
		device = open("/dev/hibjump", O_RDWR);
		usleep(1000);
	}
	if (argc < 3 || device < 0 || ioctl(device, HIBJUMP_INFO, &info))
		return 1;
	close(device);
	region_start = info.region_start;
	region_bytes = info.region_bytes;
	ram_count = read_ram(ram, sizeof(ram) / sizeof(ram[0]));
	is_saver = info.role == HIBJUMP_ROLE_B;
	calls_each = strtoul(argv[2], NULL, 0) / THREADS;
	may_arm = argc > 3;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ i, (strtoul(argv[1], NULL, 0) + 1) * 0x9E3779B97F4A7C15ull + i, -1, NULL };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned e = 0; e < ERRNOS; e++) {
		unsigned long sum = 0;

		for (unsigned i = 0; i < THREADS; i++)
			sum += seen[i][e];
		if (sum)
			printf("%s %lu\n", e ? strerrorname_np(e) : "success", sum);
	}
	return 0;
}
