/*
 * Does libkdumpfile, the library behind drgn and crash's neighbours, read the same memory from a dump as lies in a raw file?
 * usage: kdump_pages DUMP RAW
 */
#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	unsigned long pfn, wrong = 0;
	char want[4096], got[4096];
	kdump_ctx_t *dump = kdump_new();
	FILE *raw;

	if (argc != 3 || kdump_open_fd(dump, open(argv[1], O_RDONLY)) != KDUMP_OK) {
		fprintf(stderr, "kdump_pages: %s\n", kdump_get_err(dump));
		return 2;
	}
	raw = fopen(argv[2], "rb");
	for (pfn = 0; raw && fread(want, 1, sizeof(want), raw) == sizeof(want); pfn++) {
		size_t size = sizeof(got);

		if (kdump_read(dump, KDUMP_MACHPHYSADDR, pfn * sizeof(got), got, &size) != KDUMP_OK ||
		    memcmp(want, got, sizeof(got)) != 0)
			wrong++;
	}
	printf("%lu pages, %lu wrong\n", pfn, wrong);
	kdump_free(dump);
	return wrong || pfn == 0;
}
