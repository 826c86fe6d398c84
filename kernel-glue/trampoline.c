// SPDX-License-Identifier: GPL-2.0
/* The page of the code that runs between the kernels, and what it is to do. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "hibjump.h"
#include "offsets.h"

#define FLAT_CODE 0x00af9b000000ffffULL
#define FLAT_DATA 0x00cf93000000ffffULL

/* Behind the code; offsets.h has the offsets. */
struct trampoline {
	u16 gdt_limit;
	u64 gdt_base;
	u8 padding[6];
	u64 gdt[4];
	u64 table; /* 0: the other side is a bzImage */
	u64 entry;
	u64 argument;
	u64 efer;
	u64 list; /* physical, of struct hibjump_copies; 0: nothing is copied */
	/* For low memory: as much as a list of that structure's beginning. */
	struct {
		u64 next;
		u64 count;
		struct hibjump_copy copy[2 * HIBJUMP_MAX_LOW];
	} low;
} __packed;

static unsigned long page;

int hibjump_alloc_trampoline(void)
{
	page = get_zeroed_page(GFP_KERNEL);
	return page ? 0 : -ENOMEM;
}

void hibjump_free_trampoline(void)
{
	free_page(page);
	page = 0;
}

u64 hibjump_trampoline_address(void)
{
	return __pa(page);
}

static void check_offsets(void)
{
	BUILD_BUG_ON(sizeof(struct trampoline) > 2048);
	BUILD_BUG_ON(sizeof(struct hibjump_copies) != PAGE_SIZE);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, gdt) != TRAMPOLINE_GDT);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, table) != TRAMPOLINE_TABLE);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, entry) != TRAMPOLINE_ENTRY);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, argument) !=
		     TRAMPOLINE_ARGUMENT);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, efer) != TRAMPOLINE_EFER);
	BUILD_BUG_ON(TRAMPOLINE_DATA + offsetof(struct trampoline, list) != TRAMPOLINE_LIST);
	BUILD_BUG_ON(offsetof(struct hibjump_copies, next) != COPIES_NEXT);
	BUILD_BUG_ON(offsetof(struct hibjump_copies, count) != COPIES_COUNT);
	BUILD_BUG_ON(offsetof(struct hibjump_copies, copy) != COPIES_COPY);
}

void hibjump_fill_trampoline(void *to_page, const struct hibjump_target *to, u64 list)
{
	struct trampoline *data = to_page + TRAMPOLINE_DATA;

	check_offsets();
	memset(to_page, 0, PAGE_SIZE);
	memcpy(to_page, hibjump_trampoline, hibjump_trampoline_end - hibjump_trampoline);
	data->gdt_limit = sizeof(data->gdt) - 1;
	data->gdt[2] = FLAT_CODE;
	data->gdt[3] = FLAT_DATA;
	data->table = to->table;
	data->entry = to->entry;
	data->argument = to->argument;
	data->efer = to->efer;
	data->list = list;
}

static void add_low_copies(struct trampoline *data, const struct hibjump_low *low, u64 copy_at,
			   bool back)
{
	u32 i;

	for (i = 0; i < low->count; i++) {
		struct hibjump_copy *copy = &data->low.copy[data->low.count++];

		copy->from = back ? copy_at : low->piece[i].start;
		copy->to = back ? low->piece[i].start : copy_at;
		copy->bytes = low->piece[i].bytes;
		copy_at += low->piece[i].bytes;
	}
}

void hibjump_fill_low_trampoline(const struct hibjump_target *to, const struct hibjump_low *low)
{
	struct trampoline *data = (struct trampoline *)(page + TRAMPOLINE_DATA);

	hibjump_fill_trampoline((void *)page, to, __pa(&data->low));
	if (low->keep)
		add_low_copies(data, low, low->keep, false);
	if (low->take)
		add_low_copies(data, low, low->take, true);
}
