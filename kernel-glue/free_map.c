// SPDX-License-Identifier: GPL-2.0
/*
 * Maps of the pages that are not to be saved: those that the kernel does not use, so that nobody
 * needs what lies in them, and those that must not be read. Pages that wait on a processor's own
 * list count as used.
 *
 * The pages of a map lie anywhere, and there are such only for addresses at which there is RAM. An
 * index, which is one piece of memory, says where they are.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "compat.h"
#include "hibjump.h"

/* Nobody is killed for a map. */
#define MAP_FLAGS (GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN)

struct map {
	struct hibjump_map *index; /* NULL: there is none */
	size_t bytes;		   /* of the index */
	gfp_t flags;
};

static struct map unused = { .flags = MAP_FLAGS | __GFP_NORETRY };
static struct map skipped = { .flags = MAP_FLAGS | __GFP_RETRY_MAYFAIL };

static u64 *addresses_of(const struct map *map)
{
	return (u64 *)(map->index + 1);
}

static void free_map(struct map *map)
{
	u32 i;

	if (!map->index)
		return;
	for (i = 0; i < map->index->page_count; i++) {
		if (addresses_of(map)[i])
			free_page((unsigned long)__va(addresses_of(map)[i]));
	}
	free_pages_exact(map->index, map->bytes);
	map->index = NULL;
	map->bytes = 0;
}

static int add_map_pages(struct resource *resource, void *data)
{
	u64 i = PFN_DOWN(resource->start) / HIBJUMP_MAP_FRAMES;
	u64 last = PFN_DOWN(resource->end) / HIBJUMP_MAP_FRAMES;
	struct map *map = data;

	for (; i <= last; i++) {
		unsigned long page;

		if (i >= map->index->page_count)
			return -ENOMEM; /* was added right now */
		if (addresses_of(map)[i])
			continue;
		page = __get_free_page(map->flags);
		if (!page)
			return -ENOMEM;
		addresses_of(map)[i] = __pa(page);
	}
	return 0;
}

static int alloc_map(struct map *map)
{
	u64 count = DIV_ROUND_UP(PFN_UP(hibjump_ram_end()), HIBJUMP_MAP_FRAMES);
	int error;

	BUILD_BUG_ON(HIBJUMP_MAP_FRAMES != PAGE_SIZE * BITS_PER_BYTE);
	if (count > U32_MAX)
		return -ENOMEM;
	map->bytes = sizeof(*map->index) + count * sizeof(u64);
	map->index = alloc_pages_exact(map->bytes, map->flags);
	if (!map->index)
		return -ENOMEM;
	map->index->magic = HIBJUMP_MAP_MAGIC;
	map->index->version = HIBJUMP_VERSION;
	map->index->page_count = count;
	error = hibjump_walk_ram(map, add_map_pages);
	if (error)
		free_map(map);
	return error;
}

/* A kernel that expects free pages to hold what it has written into them needs them all. */
static bool free_pages_have_content(void)
{
	return want_init_on_free() || page_poisoning_enabled_static();
}

/* Without a map of unused pages all are saved. The other map has to be. */
int hibjump_alloc_maps(void)
{
	if (!free_pages_have_content())
		alloc_map(&unused);
	return alloc_map(&skipped);
}

void hibjump_free_maps(void)
{
	free_map(&unused);
	free_map(&skipped);
}

/* What lies in one page of the map: a free block is aligned to its size. */
static int set(const struct map *map, unsigned long pfn, unsigned long count)
{
	u64 address = pfn / HIBJUMP_MAP_FRAMES < map->index->page_count ?
			      addresses_of(map)[pfn / HIBJUMP_MAP_FRAMES] :
			      0;

	if (!address || count > HIBJUMP_MAP_FRAMES - pfn % HIBJUMP_MAP_FRAMES)
		return -ENOMEM;
	bitmap_set(__va(address), pfn % HIBJUMP_MAP_FRAMES, count);
	return 0;
}

/*
 * Reading such a page may end B: what is not online may have no memory, nor what a balloon has
 * marked PageOffline, and a poisoned page raises a machine check. Of a huge page the kernel does not
 * say which part is poisoned.
 */
static bool must_not_be_read(struct page *page)
{
	if (page && is_page_hwpoison(page)) {
		skipped.index->poisoned++;
		return true;
	}
	if (page && !PageOffline(page))
		return false;
	skipped.index->offline++;
	return true;
}

static int mark(struct resource *resource, void *data)
{
	unsigned long end = PFN_DOWN(resource->end + 1);
	unsigned long pfn;
	int error = 0;

	for (pfn = PFN_UP(resource->start); pfn < end && !error; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (must_not_be_read(page))
			error = set(&skipped, pfn, 1);
		if (!error && page && unused.index && PageBuddy(page) &&
		    page_private(page) <= HIBJUMP_MAX_ORDER)
			error = set(&unused, pfn, min(1UL << page_private(page), end - pfn));
	}
	return error;
}

int hibjump_fill_maps(void)
{
	return hibjump_walk_ram(NULL, mark);
}

static u64 address_of(const struct map *map, u64 *bytes)
{
	*bytes = map->bytes;
	return map->index ? __pa(map->index) : 0;
}

u64 hibjump_unused_address(u64 *bytes)
{
	return address_of(&unused, bytes);
}

u64 hibjump_skipped_address(u64 *bytes)
{
	return address_of(&skipped, bytes);
}
