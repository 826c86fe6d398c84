// SPDX-License-Identifier: GPL-2.0
/*
 * The tables that a jump runs on: in the lower half physical memory one to one, in the upper half
 * this kernel's own mappings, so that code can step from one to the other. As many levels as the
 * running kernel uses: leaving 5-level paging would mean leaving long mode.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "hibjump.h"

#define TABLE_FLAGS (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)
#define LARGE_BYTES (2ULL << 20)

int hibjump_alloc_tables(struct hibjump_tables *tables)
{
	tables->pages = alloc_pages_exact(HIBJUMP_TABLE_PAGES * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	return tables->pages ? 0 : -ENOMEM;
}

void hibjump_free_tables(struct hibjump_tables *tables)
{
	if (tables->pages)
		free_pages_exact(tables->pages, HIBJUMP_TABLE_PAGES * PAGE_SIZE);
	memset(tables, 0, sizeof(*tables));
}

/*
 * Empty again, but for the upper half, which is that of the current tables, and the tables
 * themselves: a bzImage reads those that it is entered with.
 */
int hibjump_begin_tables(struct hibjump_tables *tables)
{
	u64 *top = tables->pages;
	u64 *current_top = __va(read_cr3_pa());

	memset(tables->pages, 0, HIBJUMP_TABLE_PAGES * PAGE_SIZE);
	tables->used = 1;
	memcpy(top + PTRS_PER_PGD / 2, current_top + PTRS_PER_PGD / 2, PAGE_SIZE / 2);
	return hibjump_map(tables, __pa(tables->pages),
			   __pa(tables->pages) + HIBJUMP_TABLE_PAGES * PAGE_SIZE);
}

static u64 *next_table(struct hibjump_tables *tables, u64 *entry)
{
	if (!*entry) {
		if (tables->used == HIBJUMP_TABLE_PAGES)
			return NULL;
		*entry = (__pa(tables->pages) + tables->used++ * PAGE_SIZE) | TABLE_FLAGS;
	}
	return __va(*entry & PTE_PFN_MASK);
}

/* Maps the 2 MiB, or below 2 MiB the page, at `address`. */
static int map_one(struct hibjump_tables *tables, u64 address)
{
	unsigned int shift = pgtable_l5_enabled() ? 48 : 39;
	unsigned int last = address < LARGE_BYTES ? PAGE_SHIFT : 21;
	u64 *table = tables->pages;

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
