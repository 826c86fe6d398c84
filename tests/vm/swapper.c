/*
 * A guest program that needs more memory than the machine has. It maps N MiB and fills them, so that many of its pages
 * lie in the swap area. Page i holds the words of fill_page() below (swapping.py has the same rule); every 16th page is
 * zero, which a kernel may keep without writing it. Then it gives back some pages of the first quarter: their slots
 * become free, between others. They read as zero, too. With "rehearse" it then lets the kernel go as far as making room for
 * an image, so that little is swapped out by the hibernation that follows. It says on the control channel what
 * /proc/swaps says, and then obeys:
 *   swaps      says /proc/swaps again
 *   check      reads every page and says how many are wrong
 *   hibernate  writes "disk" to /sys/power/state; when that comes back: /proc/swaps before anything else, and RESUMED
 * swapper CONTROL MIB [rehearse]
 * Build: gcc -static -Os
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { PAGE = 4096, ZERO_EVERY = 16 };

static const uint64_t seed = 1;

static int is_given_back(uint64_t index, uint64_t count)
{
	return index < count / 4 && index % 64 < 24;
}

static void fill_page(uint8_t *page, uint64_t index)
{
	uint64_t state = (index << 16 ^ seed) * 0x9E3779B97F4A7C15ull + 1;

	memset(page, 0, PAGE);
	if (index % ZERO_EVERY == ZERO_EVERY - 1)
		return;
	snprintf((char *)page, 64, "HIBTOOL-SWAPPED index=%llu seed=%llu\n", (unsigned long long)index,
		 (unsigned long long)seed);
	for (size_t i = 64; i < PAGE; i += 8) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(page + i, &state, 8);
	}
}

static unsigned wrong_pages(const uint8_t *pages, size_t count)
{
	static uint8_t expected[PAGE];
	unsigned wrong = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_given_back(i, count))
			memset(expected, 0, PAGE);
		else
			fill_page(expected, i);
		wrong += memcmp(expected, pages + i * PAGE, PAGE) != 0;
	}
	return wrong;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int failed = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);

	close(fd);
	return failed;
}

static void say_swaps(FILE *control)
{
	FILE *swaps = fopen("/proc/swaps", "r");
	char line[512];

	while (swaps && fgets(line, sizeof(line), swaps))
		fprintf(control, "SWAP %s", line);
	if (swaps)
		fclose(swaps);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 1;

	int fd = open(argv[1], O_RDWR | O_NOCTTY);
	size_t count = (size_t)atoi(argv[2]) << 8;
	struct termios raw;
	unsigned long long commands = 0;
	uint8_t *pages;
	char line[256];
	FILE *control;

	if (fd < 0 || tcgetattr(fd, &raw) != 0)
		return 1;
	cfmakeraw(&raw);
	tcsetattr(fd, TCSANOW, &raw);
	control = fdopen(fd, "r+");

	pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < count; i++)
		fill_page(pages + i * PAGE, i);
	for (size_t i = 0; i < count; i++)
		if (is_given_back(i, count))
			madvise(pages + i * PAGE, PAGE, MADV_DONTNEED);
	if (argc > 3 && (write_text("/sys/power/pm_test", "freezer") || write_text("/sys/power/state", "disk") ||
			 write_text("/sys/power/pm_test", "none")))
		fprintf(control, "NOT REHEARSED\n");
	say_swaps(control);
	fprintf(control, "READY\n");
	fflush(control);

	while (fgets(line, sizeof(line), control)) {
		commands++;
		fseek(control, 0, SEEK_CUR); /* between reading and writing */
		if (strncmp(line, "swaps", 5) == 0)
			say_swaps(control);
		if (strncmp(line, "check", 5) == 0)
			fprintf(control, "WRONG %u\n", wrong_pages(pages, count));
		if (strncmp(line, "hibernate", 9) == 0) {
			int failed = write_text("/sys/power/state", "disk");

			say_swaps(control);
			fprintf(control, failed ? "NOT HIBERNATED\n" : "RESUMED\n");
		}
		fprintf(control, "DONE %llu\n", commands);
		fflush(control);
	}
	return 0;
}
