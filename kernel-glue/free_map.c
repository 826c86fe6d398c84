// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages the kernel does not use: what lies in them need not be saved. Pages that wait on a
 * processor's own list count as used.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "compat.h"
#include "hibjump.h"

/* A kernel that expects free pages to hold what it has written into them needs them all. */
static bool free_pages_have_content(void)
{
	return want_init_on_free() || page_poisoning_enabled_static();
}

/*
 * One piece of memory, so that one address says where it is; where there is none, everything is
 * saved.
 */
void hibjump_alloc_free_map(struct hibjump_free_map *map)
{
	map->bits = NULL;
	map->bytes = 0;
	if (free_pages_have_content())
		return;
	map->bytes = round_up(DIV_ROUND_UP(PFN_UP(hibjump_ram_end()), 8), PAGE_SIZE);
	map->bits = alloc_pages_exact(map->bytes,
				      GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY);
	if (!map->bits)
		map->bytes = 0;
}

void hibjump_release_free_map(struct hibjump_free_map *map)
{
	if (map->bits)
		free_pages_exact(map->bits, map->bytes);
	map->bits = NULL;
	map->bytes = 0;
}

static int mark_free(struct resource *resource, void *data)
{
	const struct hibjump_free_map *map = data;
	unsigned long end = min_t(unsigned long, PFN_DOWN(resource->end + 1), map->bytes * 8);
	unsigned long pfn = PFN_UP(resource->start);

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		unsigned long count = 1;

		if (PageBuddy(page) && page_private(page) <= HIBJUMP_MAX_ORDER) {
			count = min(1UL << page_private(page), end - pfn);
			bitmap_set(map->bits, pfn, count);
		}
		pfn += count;
	}
	return 0;
}

void hibjump_fill_free_map(const struct hibjump_free_map *map)
{
	if (map->bits)
		walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0,
				    U64_MAX, (void *)map, mark_free);
}
