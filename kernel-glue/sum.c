// SPDX-License-Identifier: GPL-2.0
/*
 * Sums over memory that nobody writes for a while: kexec lets a crash kernel be loaded into the
 * region and unloaded again, after which nothing tells of it. They are no authentication.
 */
#include <linux/io.h>
#include <linux/sched.h>
#include <linux/xxhash.h>

#include "hibjump.h"

#define WINDOW_BYTES (2ULL << 20) /* that one mapping covers, and one call adds */

int hibjump_sum(const struct hibjump_extent *extent, u64 *sum)
{
	u64 at, bytes;

	*sum = 0;
	for (at = extent->start; at < extent->end; at += bytes) {
		void *window;

		bytes = min(extent->end - at, WINDOW_BYTES);
		window = memremap(at, bytes, MEMREMAP_WB);
		if (!window)
			return -ENOMEM;
		*sum = xxh64(window, bytes, *sum);
		memunmap(window);
		cond_resched();
	}
	return 0;
}
