// SPDX-License-Identifier: GPL-2.0
/*
 * The tables that a jump runs on: in the lower half physical memory one to one, in the upper half this kernel's own
 * mappings, so that code can step from one to the other. As many levels as the running kernel uses: leaving 5-level paging
 * would mean leaving long mode.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/string.h>
#include <asm/processor.h>

#include "hibjump.h"

#define TABLE_FLAGS	(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)
#define LARGE_BYTES	(2ULL << 20)

int hibjump_alloc_tables(struct hibjump_tables *tables)
{
	unsigned int i;

	for (i = 0; i < HIBJUMP_TABLE_PAGES; i++) {
		tables->pages[i] = get_zeroed_page(GFP_KERNEL);
		if (!tables->pages[i]) {
			hibjump_free_tables(tables);
			return -ENOMEM;
		}
	}
	return 0;
}

void hibjump_free_tables(struct hibjump_tables *tables)
{
	unsigned int i;

	for (i = 0; i < HIBJUMP_TABLE_PAGES; i++)
		free_page(tables->pages[i]);
	memset(tables, 0, sizeof(*tables));
}

/* Everything allocated is free again, and the upper half is that of the current tables. */
void hibjump_begin_tables(struct hibjump_tables *tables)
{
	u64 *top = (u64 *)tables->pages[0];
	u64 *current_top = __va(read_cr3_pa());
	unsigned int i;

	for (i = 0; i < HIBJUMP_TABLE_PAGES; i++)
		clear_page((void *)tables->pages[i]);
	tables->used = 1;
	memcpy(top + PTRS_PER_PGD / 2, current_top + PTRS_PER_PGD / 2, PAGE_SIZE / 2);
}

static u64 *next_table(struct hibjump_tables *tables, u64 *entry)
{
	if (!*entry) {
		if (tables->used == HIBJUMP_TABLE_PAGES)
			return NULL;
		*entry = __pa(tables->pages[tables->used++]) | TABLE_FLAGS;
	}
	return __va(*entry & PTE_PFN_MASK);
}

/* Maps the 2 MiB, or below 2 MiB the page, at `address`. */
static int map_one(struct hibjump_tables *tables, u64 address)
{
	unsigned int shift = pgtable_l5_enabled() ? 48 : 39;
	unsigned int last = address < LARGE_BYTES ? PAGE_SHIFT : 21;
	u64 *table = (u64 *)tables->pages[0];

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
	u64 address = start < LARGE_BYTES ? round_down(start, PAGE_SIZE) : round_down(start, LARGE_BYTES);
	int error;

	while (address < end) {
		error = map_one(tables, address);
		if (error)
			return error;
		address += address < LARGE_BYTES ? PAGE_SIZE : LARGE_BYTES;
	}
	return 0;
}
