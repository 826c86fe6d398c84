// SPDX-License-Identifier: GPL-2.0
/*
 * The tables that a jump runs on: in the lower half physical memory one to one, in the upper half
 * this kernel's own mappings, so that code can step from one to the other. As many levels as the
 * running kernel uses: leaving 5-level paging would mean leaving long mode.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "hibjump.h"

#define TABLE_FLAGS (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)
#define LARGE_BYTES (2ULL << 20)

/* Enough for one to one mappings of all that lies below `end`. */
unsigned long hibjump_table_pages(u64 end)
{
	/* Each maps one GiB, the next level 512 GiB; two more levels, the first 2 MiB by pages. */
	return DIV_ROUND_UP(end, 1ULL << 30) + DIV_ROUND_UP(end, 512ULL << 30) + 4;
}

/* One piece of memory, so that few of them are needed to map themselves. */
int hibjump_alloc_tables(struct hibjump_tables *tables)
{
	void *pages = alloc_pages_exact(HIBJUMP_TABLE_PAGES * PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	tables->page = kcalloc(HIBJUMP_TABLE_PAGES, sizeof(*tables->page), GFP_KERNEL);
	if (!pages || !tables->page) {
		if (pages)
			free_pages_exact(pages, HIBJUMP_TABLE_PAGES * PAGE_SIZE);
		kfree(tables->page);
		tables->page = NULL;
		return -ENOMEM;
	}
	tables->count = HIBJUMP_TABLE_PAGES;
	for (i = 0; i < tables->count; i++)
		tables->page[i] = pages + i * PAGE_SIZE;
	return 0;
}

void hibjump_free_tables(struct hibjump_tables *tables)
{
	if (!tables->page)
		return;
	free_pages_exact(tables->page[0], HIBJUMP_TABLE_PAGES * PAGE_SIZE);
	kfree(tables->page);
	memset(tables, 0, sizeof(*tables));
}

/*
 * Empty again, but for the upper half, which is that of the current tables, and the tables
 * themselves: a bzImage reads those that it is entered with.
 */
int hibjump_begin_tables(struct hibjump_tables *tables)
{
	u64 *current_top = __va(read_cr3_pa());
	u64 *top = tables->page[0];
	unsigned int i;
	int error = 0;

	for (i = 0; i < tables->count; i++)
		memset(tables->page[i], 0, PAGE_SIZE);
	tables->used = 1;
	memcpy(top + PTRS_PER_PGD / 2, current_top + PTRS_PER_PGD / 2, PAGE_SIZE / 2);
	for (i = 0; i < tables->count && !error; i++)
		error = hibjump_map(tables, __pa(tables->page[i]),
				    __pa(tables->page[i]) + PAGE_SIZE);
	return error;
}

static u64 *next_table(struct hibjump_tables *tables, u64 *entry)
{
	if (!*entry) {
		if (tables->used == tables->count)
			return NULL;
		*entry = __pa(tables->page[tables->used++]) | TABLE_FLAGS;
	}
	return __va(*entry & PTE_PFN_MASK);
}

/* Maps the 2 MiB, or below 2 MiB the page, at `address`. */
static int map_one(struct hibjump_tables *tables, u64 address)
{
	unsigned int shift = pgtable_l5_enabled() ? 48 : 39;
	unsigned int last = address < LARGE_BYTES ? PAGE_SHIFT : 21;
	u64 *table = tables->page[0];

	for (; shift > last; shift -= 9) {
		table = next_table(tables, &table[(address >> shift) & 511]);
		if (!table)
			return -ENOSPC;
	}
	table[(address >> last) & 511] = address | TABLE_FLAGS | (last == 21 ? _PAGE_PSE : 0);
	return 0;
}

int hibjump_map(struct hibjump_tables *tables, u64 start, u64 end)
{
	u64 address =
		start < LARGE_BYTES ? round_down(start, PAGE_SIZE) : round_down(start, LARGE_BYTES);
	int error;

	while (address < end) {
		error = map_one(tables, address);
		if (error)
			return error;
		address += address < LARGE_BYTES ? PAGE_SIZE : LARGE_BYTES;
	}
	return 0;
}
