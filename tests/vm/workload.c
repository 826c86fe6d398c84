/*
 * A guest program whose pages are known. It fills pages by simple rules (workload.py has the same ones), says on the
 * control channel where in physical memory each of them lies, and then obeys:
 *   mutate N   the first N marked pages get new content
 *   count      says how far it has counted
 *   check      says whether all pages still are what they should be
 *   hibernate  writes "disk" to /sys/power/state, and says RESUMED when that comes back
 * workload --first-block FILE prints the file's first block, which is the kernel's resume_offset.
 * Build: gcc -static -Os
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct kind {
	const char *name;
	uint64_t number;
	unsigned count;
	int in_tmpfs;
	uint8_t *pages;
};

static struct kind kinds[] = {
	{ "marked", 1, 64, 1, NULL },
	{ "zero", 2, 32, 1, NULL },
	{ "repeated", 3, 64, 1, NULL },
	{ "random", 4, 64, 1, NULL },
	{ "filled", 5, 16, 1, NULL },
	{ "process", 6, 64, 0, NULL },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static uint64_t next_word(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill_words(uint8_t *page, size_t from, uint64_t kind, uint64_t index, uint64_t seed)
{
	uint64_t state = (kind << 48 ^ index << 16 ^ seed) * 0x9E3779B97F4A7C15ull + 1;

	for (size_t i = from; i < PAGE; i += 8) {
		uint64_t word = next_word(&state);

		memcpy(page + i, &word, 8);
	}
}

static void fill_page(uint8_t *page, const struct kind *kind, uint64_t index, uint64_t seed)
{
	char header[64] = { 0 };

	switch (kind->number) {
	case 2:
		memset(page, 0, PAGE);
		return;
	case 3:
		fill_words(page, 0, kind->number, 0, seed);
		return;
	case 4:
		fill_words(page, 0, kind->number, index, seed);
		return;
	case 5:
		memset(page, 0x5a, PAGE);
		return;
	}
	snprintf(header, sizeof(header), "HIBTOOL-PAGE kind=%s index=%llu seed=%llu\n", kind->name,
		 (unsigned long long)index, (unsigned long long)seed);
	memcpy(page, header, sizeof(header));
	fill_words(page, sizeof(header), kind->number, index, seed);
}

static uint8_t *pages_of(const struct kind *kind)
{
	size_t size = (size_t)kind->count * PAGE;
	char path[64];
	void *pages;
	int fd = -1;

	if (kind->in_tmpfs) {
		snprintf(path, sizeof(path), "/tmp/%s", kind->name);
		fd = open(path, O_RDWR | O_CREAT, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
			exit(1);
	}
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		exit(1);
	return pages;
}

static uint64_t pfn_of(int pagemap, const uint8_t *page)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, 8, (off_t)((uintptr_t)page / PAGE * 8)) != 8 || !(entry >> 63))
		return 0;
	return entry & ((1ull << 55) - 1);
}

static void report(FILE *control, int pagemap, const struct kind *kind, unsigned index, unsigned long long seed)
{
	fprintf(control, "PAGE %s %u pfn 0x%llx seed %llu\n", kind->name, index,
		(unsigned long long)pfn_of(pagemap, kind->pages + (size_t)index * PAGE), seed);
}

static unsigned wrong_pages(unsigned changed, uint64_t seed)
{
	static uint8_t expected[PAGE];
	unsigned wrong = 0;

	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned i = 0; i < kinds[k].count; i++) {
			fill_page(expected, &kinds[k], i, k == 0 && i < changed ? seed : 1);
			wrong += memcmp(expected, kinds[k].pages + (size_t)i * PAGE, PAGE) != 0;
		}
	return wrong;
}

/* Comes back in the resumed machine; 0 when the kernel says that it went well. */
static int hibernate(void)
{
	int state = open("/sys/power/state", O_WRONLY);
	int failed = state < 0 || write(state, "disk", 4) != 4;

	close(state);
	return failed;
}

static int print_first_block(const char *path)
{
	int fd = open(path, O_RDONLY), block = 0;

	if (fd < 0 || ioctl(fd, FIBMAP, &block) != 0)
		return 1;
	printf("%d\n", block);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--first-block") == 0)
		return print_first_block(argv[2]);

	int fd = open(argc > 1 ? argv[1] : "/dev/ttyS1", O_RDWR | O_NOCTTY);
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	struct termios raw;
	unsigned long long count = 0, seed = 1;
	unsigned all_changed = 0;
	char line[256];
	FILE *control;

	if (fd < 0 || pagemap < 0 || tcgetattr(fd, &raw) != 0)
		return 1;
	cfmakeraw(&raw);
	tcsetattr(fd, TCSANOW, &raw);
	control = fdopen(fd, "r+");

	for (unsigned k = 0; k < KINDS; k++) {
		kinds[k].pages = pages_of(&kinds[k]);
		for (unsigned i = 0; i < kinds[k].count; i++)
			fill_page(kinds[k].pages + (size_t)i * PAGE, &kinds[k], i, seed);
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned i = 0; i < kinds[k].count; i++)
			report(control, pagemap, &kinds[k], i, seed);
	fprintf(control, "READY\n");
	fflush(control);

	while (fgets(line, sizeof(line), control)) {
		unsigned changed = 0;

		count++;
		fseek(control, 0, SEEK_CUR); /* between reading and writing */
		if (strncmp(line, "check", 5) == 0)
			fprintf(control, "WRONG %u\n", wrong_pages(all_changed, seed));
		if (strncmp(line, "hibernate", 9) == 0)
			fprintf(control, hibernate() ? "NOT HIBERNATED\n" : "RESUMED\n");
		if (sscanf(line, "mutate %u", &changed) == 1) {
			seed++;
			all_changed = changed;
			for (unsigned i = 0; i < changed && i < kinds[0].count; i++) {
				fill_page(kinds[0].pages + (size_t)i * PAGE, &kinds[0], i, seed);
				report(control, pagemap, &kinds[0], i, seed);
			}
		}
		fprintf(control, "DONE %llu\n", count);
		fflush(control);
	}
	return 0;
}
