// SPDX-License-Identifier: GPL-2.0
/*
 * Which RAM there is. Whoever loads B writes a list of it, and B reads nothing else: the list has to
 * be whole when B is armed, and still to be true when it is entered.
 */
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "hibjump.h"

static int add_to_sum(struct resource *resource, void *data)
{
	const u64 what[] = { resource->start, resource->end,
			     resource->flags &
				     (IORESOURCE_SYSTEM_RAM | IORESOURCE_SYSRAM_DRIVER_MANAGED) };
	u32 *sum = data;

	*sum = crc32_le(*sum, (const u8 *)what, sizeof(what));
	return 0;
}

/* Of where the RAM lies, not of what lies in it. */
u32 hibjump_memory_sum(void)
{
	u32 sum = ~0U;

	hibjump_walk_ram(&sum, add_to_sum);
	return sum;
}

struct list {
	const struct hibjump_range *range;
	u32 count;
	u64 bytes; /* of RAM that was found in it */
};

static int find_in_list(struct resource *resource, void *data)
{
	u64 start = PAGE_ALIGN(resource->start);
	u64 end = round_down(resource->end + 1, PAGE_SIZE);
	struct list *list = data;
	u32 i;

	/* A driver may take it away again, and it is not there when the machine restarts. */
	if (resource->flags & IORESOURCE_SYSRAM_DRIVER_MANAGED)
		return -EOPNOTSUPP;
	if (start >= end)
		return 0;
	for (i = 0; i < list->count; i++) {
		const struct hibjump_range *range = &list->range[i];
		const struct hibjump_extent extent = { range->start, range->start + range->bytes };

		if (!hibjump_is_inside(&extent, start, end - start))
			continue;
		list->bytes += end - start;
		return 0;
	}
	return -ERANGE;
}

/* All whole pages of RAM are in the list, and nothing else. */
static int check_list(struct list *list)
{
	int error = hibjump_walk_ram(list, find_in_list);
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < list->count; i++)
		bytes += list->range[i].bytes;
	return error ?: bytes == list->bytes ? 0 : -ERANGE;
}

int hibjump_check_ram(u64 callers_ranges, u32 count)
{
	struct hibjump_range *ranges;
	int error;

	ranges = vmemdup_user(u64_to_user_ptr(callers_ranges), (size_t)count * sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	error = check_list(&(struct list){ .range = ranges, .count = count });
	kvfree(ranges);
	return error;
}
