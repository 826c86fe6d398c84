/*
 * A machine's life, to be seen going on after a jump. Threads of one process count in /tmp/alive what they have done and
 * what was wrong:
 *   counter   counts
 *   network   sends numbers over a TCP connection to itself, and compares what arrives
 *   files     writes records into a file of a mounted file system, flushes them, reads older ones back past the page cache
 *   clocks    sees that no clock goes back
 *
 *   alive start FILE     begins, in the background; FILE is the one that `files` writes to
 *   alive report         prints "ALIVE counter N network N files N clocks N errors N"
 *   alive fill FILE MIB  writes numbers that do not repeat: half of each page, so that it can be packed like real memory
 *   alive check FILE     exits with 1 unless FILE still holds them
 *   alive lock FILE      keeps FILE in memory, in the background: nothing can evict it
 * Build: gcc -static -Os -pthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, RECORDS = 256 };

struct state {
	volatile uint64_t counter, network, files, clocks, errors;
	volatile char what[128]; /* the first error */
};

static struct state *state;
static const char *file_path;

static void wrong(const char *what)
{
	if (state->errors++ == 0)
		snprintf((char *)state->what, sizeof(state->what), "%s", what);
}

static void pause_ms(long ms)
{
	struct timespec time = { 0, ms * 1000000 };

	nanosleep(&time, NULL);
}

static void *count(void *unused)
{
	for (;;) {
		state->counter++;
		pause_ms(1);
	}
	return unused;
}

static void *network(void *unused)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), out = socket(AF_INET, SOCK_STREAM, 0), in;

	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &length) || connect(out, (void *)&address, sizeof(address))) {
		wrong("no TCP connection");
		return unused;
	}
	in = accept(listener, NULL, NULL);
	for (uint64_t number = 1;; number++) {
		uint64_t arrived = 0;

		if (write(out, &number, sizeof(number)) != sizeof(number) || read(in, &arrived, sizeof(arrived)) != sizeof(arrived) || arrived != number)
			wrong("TCP: not what was sent");
		state->network++;
		pause_ms(2);
	}
}

static void fill_record(uint64_t *record, uint64_t number)
{
	for (unsigned i = 0; i < PAGE / 8; i++)
		record[i] = number * 0x9E3779B97F4A7C15ull + i;
}

static void *files(void *unused)
{
	int out = open(file_path, O_RDWR | O_CREAT | O_TRUNC, 0600), in = open(file_path, O_RDONLY | O_DIRECT);
	uint64_t *record = aligned_alloc(PAGE, PAGE), *expected = aligned_alloc(PAGE, PAGE);

	if (out < 0 || in < 0)
		wrong("cannot open the file");
	for (uint64_t number = 0;; number++) {
		fill_record(record, number);
		if (pwrite(out, record, PAGE, number % RECORDS * PAGE) != PAGE)
			wrong("cannot write the file");
		if (number % 16 == 0 && fsync(out))
			wrong("cannot flush the file");
		if (number % 16 == 0 && number >= 16) {
			fill_record(expected, number - 16);
			if (pread(in, record, PAGE, (number - 16) % RECORDS * PAGE) != PAGE || memcmp(record, expected, PAGE))
				wrong("the disk has other bytes than were written");
		}
		state->files++;
		pause_ms(5);
	}
	return unused;
}

static void *clocks(void *unused)
{
	static const clockid_t ids[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME };
	struct timespec last[4] = { 0 };

	for (;;) {
		for (unsigned i = 0; i < 4; i++) {
			struct timespec now;

			clock_gettime(ids[i], &now);
			if (now.tv_sec < last[i].tv_sec || (now.tv_sec == last[i].tv_sec && now.tv_nsec < last[i].tv_nsec))
				wrong("a clock went back");
			last[i] = now;
		}
		state->clocks++;
		pause_ms(1);
	}
	return unused;
}

static void start(void)
{
	static void *(*const work[])(void *) = { count, network, files, clocks };
	pthread_t thread;

	if (daemon(0, 1))
		exit(1);
	for (unsigned i = 0; i < 4; i++)
		if (pthread_create(&thread, NULL, work[i], NULL))
			wrong("no thread");
	pause();
	exit(0);
}

static void map_state(int flags)
{
	int fd = open("/tmp/alive", O_RDWR | flags, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*state)))
		exit(1);
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void make_page(uint64_t *page, uint64_t index)
{
	uint64_t word = (index + 1) * 0x9E3779B97F4A7C15ull;

	for (unsigned i = 0; i < PAGE / 8; i++) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		page[i] = i % 2 ? word : index;
	}
}

static int fill(const char *path, uint64_t mib)
{
	static uint64_t page[PAGE / 8];
	FILE *file = fopen(path, "w");
	int bad = !file;

	for (uint64_t index = 0; !bad && index < mib << 8; index++) {
		make_page(page, index);
		bad = fwrite(page, PAGE, 1, file) != 1;
	}
	return bad || fclose(file);
}

static int lock(const char *path)
{
	int fd = open(path, O_RDWR);
	off_t bytes = lseek(fd, 0, SEEK_END);
	void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (fork())
		return 0;
	if (memory == MAP_FAILED || mlock(memory, bytes))
		exit(1);
	for (;;)
		pause();
}

static int check(const char *path)
{
	static uint64_t page[PAGE / 8], expected[PAGE / 8];
	FILE *file = fopen(path, "r");
	int bad = !file;

	for (uint64_t index = 0; !bad && fread(page, PAGE, 1, file) == 1; index++) {
		make_page(expected, index);
		bad = memcmp(page, expected, PAGE) != 0;
	}
	return bad;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "start") && argc == 3) {
		file_path = argv[2];
		map_state(O_CREAT | O_TRUNC);
		start();
	}
	if (!strcmp(verb, "fill") && argc == 4)
		return fill(argv[2], strtoull(argv[3], NULL, 0));
	if (!strcmp(verb, "check") && argc == 3)
		return check(argv[2]);
	if (!strcmp(verb, "lock") && argc == 3)
		return lock(argv[2]);
	map_state(0);
	printf("ALIVE counter %llu network %llu files %llu clocks %llu errors %llu %s\n", (unsigned long long)state->counter,
	       (unsigned long long)state->network, (unsigned long long)state->files, (unsigned long long)state->clocks,
	       (unsigned long long)state->errors, (const char *)state->what);
	return state->errors != 0;
}
