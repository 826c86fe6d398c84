/*
 * Loads a crash kernel of one page into the crash region, and unloads it again.
 *
 *   crash_kernel START   of the region, in hexadecimal
 *
 * Build: gcc -static -Os
 */
#include <linux/kexec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char page[4096];
	struct kexec_segment segment = { page, sizeof(page), NULL, sizeof(page) };

	if (argc != 2)
		return 2;
	memset(page, 0x5a, sizeof(page));
	segment.mem = (void *)strtoul(argv[1], NULL, 16);
	if (syscall(SYS_kexec_load, segment.mem, 1, &segment, KEXEC_ON_CRASH) || syscall(SYS_kexec_load, 0, 0, NULL, KEXEC_ON_CRASH)) {
		perror("kexec_load");
		return 1;
	}
	return 0;
}
