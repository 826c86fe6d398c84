/*
 * Holds secret memory until it is killed, as programs do that keep keys: its kernel refuses to hibernate meanwhile.
 * Build: gcc -static -Os
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

int main(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);
	char *page;

	if (fd < 0 || ftruncate(fd, 4096) != 0) {
		perror("memfd_secret");
		return 1;
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	page[0] = 1;
	puts("HOLDING");
	fflush(stdout);
	for (;;)
		pause();
}
