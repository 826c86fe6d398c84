/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 *
 *   main.c         the device, its ioctls, who may use it
 *   memory.c       which physical memory may be touched, reading and writing it
 *   jump.c         leaving through the PM core, coming back
 *   processor.c    the processor's state
 *   page_tables.c  the tables that a jump runs on
 *   free_map.c     which pages the kernel does not use
 *   switch.S       the last instructions of one kernel and the first of the other
 */
#ifndef HIBJUMP_H
#define HIBJUMP_H

#include <linux/hibjump.h>
#include <linux/types.h>

struct hibjump_extent {
	u64 start;
	u64 end; /* one past */
};

/* memory.c */
bool hibjump_is_b(void);
bool hibjump_region(struct hibjump_extent *region);
bool hibjump_may_access(u64 start, u64 bytes);
bool hibjump_is_ram(u64 start, u64 bytes);
ssize_t hibjump_read_physical(char __user *to, size_t bytes, u64 address);
ssize_t hibjump_write_physical(const char __user *from, size_t bytes, u64 address);

/* jump.c */
int hibjump_jump_init(void);
void hibjump_jump_exit(void);
int hibjump_arm_jump(const struct hibjump_arm *arm);
int hibjump_disarm(void);
bool hibjump_is_armed(void);
int hibjump_leave_a(struct hibjump_leave *leave);
int hibjump_return_to_a(const struct hibjump_return *request);
u64 hibjump_context_address(void);
u64 hibjump_note_address(void);

/* switch.S */
int hibjump_switch(struct hibjump_context *own, u64 trampoline, u64 table);
extern const char hibjump_trampoline[], hibjump_trampoline_end[], hibjump_resume[];

/* processor.c: interrupts are off */
int hibjump_processor_supported(void);
void hibjump_save_processor(struct hibjump_saved *saved);
void hibjump_restore_processor(const struct hibjump_saved *saved);
void hibjump_fill_note(void *note, const struct hibjump_saved *saved);

/* page_tables.c */
#define HIBJUMP_TABLE_PAGES 32

struct hibjump_tables {
	void *pages; /* one piece of memory; the first page is the top level */
	unsigned int used;
};

int hibjump_alloc_tables(struct hibjump_tables *tables);
void hibjump_free_tables(struct hibjump_tables *tables);
int hibjump_begin_tables(struct hibjump_tables *tables);
int hibjump_map(struct hibjump_tables *tables, u64 start, u64 end);

/* free_map.c */
struct hibjump_free_map {
	void *bits; /* NULL where there is none */
	size_t bytes;
};

void hibjump_alloc_free_map(struct hibjump_free_map *map);
void hibjump_release_free_map(struct hibjump_free_map *map);
void hibjump_fill_free_map(const struct hibjump_free_map *map); /* nobody else runs */

#endif
