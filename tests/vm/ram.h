/* The whole pages of RAM, as /proc/iomem lists it for root. */
#include <stdio.h>
#include <string.h>

#include <linux/hibjump.h>

/* How many ranges there are; at most `most`. */
static unsigned read_ram(struct hibjump_range* ram, unsigned most) {
  FILE* file = fopen("/proc/iomem", "r");
  unsigned long first, last;
  char line[256], name[64];
  unsigned count = 0;

  if (!file) return 0;
  while (count < most && fgets(line, sizeof(line), file)) {
    if (sscanf(line, "%lx-%lx : %63[^\n]", &first, &last, name) != 3 || strcmp(name, "System RAM")) continue;
    ram[count].start = (first + 4095) / 4096 * 4096;
    ram[count].bytes = (last + 1) / 4096 * 4096 - ram[count].start;
    count++;
  }
  fclose(file);
  return count;
}
