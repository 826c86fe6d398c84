/*
 * What HIBJUMP_ARM says to lists of RAM: to the right one, to others, and to none. Nothing is loaded, and nobody leaves. With
 * "pfn FILE" it says instead in which page frame the first page of a file in memory lies.
 *   arm_ram | arm_ram pfn FILE
 * Build: gcc -static -Os
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ram.h"

enum { PAGE = 4096, MOST = 64 };

static struct hibjump_range ram[MOST];
static unsigned count;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void arm(int file, const char *what, unsigned ranges)
{
	struct hibjump_info info = { .size = sizeof(info) };
	struct hibjump_arm arm = { .size = sizeof(arm), .low_count = 1, .low = { { PAGE, PAGE } } };
	int result;

	must(ioctl(file, HIBJUMP_INFO, &info) == 0, "HIBJUMP_INFO");
	arm.boot_params = arm.low_copy = info.region_start;
	arm.entry = info.region_start + 0x200;
	arm.ranges = (uintptr_t)ram;
	arm.range_count = ranges;
	result = ioctl(file, HIBJUMP_ARM, &arm);
	printf("%s %s\n", what, result == 0 ? "success" : strerrorname_np(errno));
	if (result == 0)
		ioctl(file, HIBJUMP_DISARM);
}

static void say_frame(const char *path)
{
	int file = open(path, O_RDWR), map = open("/proc/self/pagemap", O_RDONLY);
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	uint64_t entry;

	must(page != MAP_FAILED && *(volatile char *)page != 0, path);
	must(pread(map, &entry, 8, (uintptr_t)page / PAGE * 8) == 8, "pagemap");
	printf("%#lx\n", (unsigned long)(entry & ((1ULL << 55) - 1)));
}

int main(int arguments, char **argument)
{
	int file;

	if (arguments == 3) {
		say_frame(argument[2]);
		return 0;
	}
	file = open("/dev/hibjump", O_RDWR);
	must(file >= 0, "/dev/hibjump");
	count = read_ram(ram, MOST - 1);
	must(count > 1, "/proc/iomem");
	arm(file, "all", count);
	arm(file, "none", 0);
	arm(file, "without-the-last", count - 1);
	ram[count].start = ram[count - 1].start + ram[count - 1].bytes;
	ram[count].bytes = PAGE;
	arm(file, "one-too-many", count + 1);
	ram[count - 1].bytes -= PAGE;
	arm(file, "one-page-short", count);
	return 0;
}
