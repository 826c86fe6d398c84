/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 *
 *   main.c         the device, its ioctls, who may use it
 *   permission.c   what the kernel and its administrator forbid
 *   memory.c       which physical memory may be touched, reading, writing and mapping it
 *   jump.c         who leaves for whom, and what is checked before
 *   leave.c        through the PM core: every device stands still, and comes back
 *   acpi.c         ACPI's events, over a jump
 *   processors.c   the other processors, off and on
 *   context.c      the page by which one kernel is entered from the other
 *   trampoline.c   the page of the code between the kernels
 *   processor.c    the processor's state
 *   page_tables.c  the tables that a jump runs on
 *   home.c         B's panic, which goes back into A
 *   interrupts.c   what a panic leaves in the interrupt controllers
 *   masters.c      devices that write to memory when a panic leaves them
 *   lines.c        devices that interrupt when a panic leaves them
 *   stage.c        A's memory in an ordinary kernel that goes back into A
 *   sum.c          sums over memory, to see whether somebody wrote to it
 *   ram.c          which RAM there is, and whether that has changed
 *   free_map.c     which pages the kernel does not use, and which must not be read
 *   devices.c      the devices in PM order, and the record of them
 *   callbacks.c    what the PM core called, and what that returned
 *   records.c      how a record is written
 *   area.c         memory for records, where B finds it
 *   switch.S       the last instructions of one kernel and the first of the other
 */
#ifndef HIBJUMP_H
#define HIBJUMP_H

#include <linux/hibjump.h>
#include <linux/pm.h>
#include <linux/types.h>

struct device;
struct file;
struct resource;
struct vm_area_struct;

#define HIBJUMP_LOW_END 0xa0000ULL /* of the memory below the video memory */

struct hibjump_extent {
	u64 start;
	u64 end; /* one past */
};

/* The crash region of the A that saved this. */
static inline struct hibjump_extent hibjump_region_of(const struct hibjump_saved *saved)
{
	return (struct hibjump_extent){ saved->region_start,
					saved->region_start + saved->region_bytes };
}

static inline bool hibjump_is_inside(const struct hibjump_extent *outer, u64 start, u64 bytes)
{
	return bytes && start >= outer->start && start < outer->end && bytes <= outer->end - start;
}

/* main.c */
bool hibjump_allows_untested(void);

/* permission.c; main.c asks for the caller's capabilities. The caller holds the jump's lock. */
int hibjump_may_load(void);
int hibjump_may_hibernate(void);
int hibjump_begin_permission(void); /* fails where it may not */
int hibjump_may_still_hibernate(void);
void hibjump_end_permission(void);

/* memory.c */
bool hibjump_is_b(void);
bool hibjump_region(struct hibjump_extent *region);
bool hibjump_may_access(u64 start, u64 bytes);
bool hibjump_is_ram(u64 start, u64 bytes);
bool hibjump_may_be_ram(u64 start, u64 bytes);
int hibjump_walk_ram(void *data, int (*each)(struct resource *, void *));
u64 hibjump_ram_end(void);
ssize_t hibjump_read_physical(char __user *to, size_t bytes, u64 address);
ssize_t hibjump_write_physical(const char __user *from, size_t bytes, u64 address);
int hibjump_map_physical(struct vm_area_struct *vma);

/* jump.c */
int hibjump_jump_init(void);
void hibjump_jump_exit(void);
int hibjump_arm_jump(const struct hibjump_arm *arm);
int hibjump_disarm(void);
bool hibjump_is_armed(void);
ssize_t hibjump_write_memory(const char __user *from, size_t bytes, u64 address);
int hibjump_leave_a(struct hibjump_leave *leave);
int hibjump_return_to_a(const struct hibjump_return *request);
int hibjump_take_home(const struct hibjump_home *request);
int hibjump_stage(struct file *file, const struct hibjump_stage *stage);
int hibjump_staged(struct file *file);
u64 hibjump_note_address(void);
int hibjump_devices(struct hibjump_devices *devices);

/* leave.c: the caller holds the jump's lock */
struct hibjump_way {
	/* Or NULL; tasks are frozen, hotplug is locked, devices still run. */
	int (*check)(void);
	pm_message_t message; /* to the devices */
	int (*enter)(void);   /* one processor, no interrupts; 0 when somebody came back */
	void (*back)(void);   /* then, when the devices are back and the tasks still frozen; or NULL */
};

int hibjump_leave_init(void);
void hibjump_leave_exit(void);
int hibjump_go(const struct hibjump_way *to);
u64 hibjump_suspended_ns(void); /* CLOCK_REALTIME; 0 where it did not get so far */

/* acpi.c */
void hibjump_keep_acpi(void);
void hibjump_leave_acpi(bool left);

/* processors.c: the lock against hotplug is held */
int hibjump_processors_off(void);
void hibjump_processors_on(bool left); /* for another kernel, in between */
void hibjump_park_processors(void);    /* nobody else runs */

/* context.c */
int hibjump_alloc_context(void);
void hibjump_free_context(void);
struct hibjump_context *hibjump_own_context(void);
u64 hibjump_context_address(void); /* physical */
void hibjump_describe_self(u64 table);
void hibjump_seal_context(void);
u64 hibjump_low_bytes(const struct hibjump_range *low, u32 count);
bool hibjump_low_is_valid(const struct hibjump_range *low, u32 count);
bool hibjump_standby_copy_is_valid(const struct hibjump_extent *region, u64 at, u64 low_copy,
				   u64 bytes);
int hibjump_check_context(struct hibjump_context *of, u64 address);
int hibjump_check_context_of_a(const struct hibjump_saved *saved);

/* trampoline.c */
struct hibjump_target {
	u64 table; /* physical; 0: the other side is a bzImage */
	u64 entry;
	u64 argument;
	u64 efer;
};

struct hibjump_copy {
	u64 from; /* physical */
	u64 to;
	u64 bytes; /* whole pages */
};

#define HIBJUMP_COPIES 170

struct hibjump_copies {
	u64 next; /* physical; 0: this is the last one */
	u64 count;
	struct hibjump_copy copy[HIBJUMP_COPIES];
};

int hibjump_alloc_trampoline(void);
void hibjump_free_trampoline(void);
u64 hibjump_trampoline_address(void); /* physical */

/* Low memory, which A and B both use, as one goes and the other comes */
struct hibjump_low {
	const struct hibjump_range *piece;
	u32 count;
	u64 keep; /* where the bytes of the one that goes are put; 0: it does not come again */
	u64 take; /* where those of the other are; 0: it is yet to be booted */
};

void hibjump_fill_low_trampoline(const struct hibjump_target *to, const struct hibjump_low *low);
void hibjump_fill_trampoline(void *page, const struct hibjump_target *to, u64 list);

/* switch.S */
int hibjump_switch(struct hibjump_context *own, u64 trampoline, u64 table);
extern const char hibjump_trampoline[], hibjump_trampoline_end[], hibjump_resume[];

/* processor.c: interrupts are off */
u32 hibjump_refused(void);
int hibjump_may_leave(void);
int hibjump_may_return(void);
void hibjump_describe_processor(struct hibjump_info *info);
void hibjump_save_processor(struct hibjump_saved *saved);
void hibjump_clear_breakpoints(void);
void hibjump_restore_processor(const struct hibjump_saved *saved);
void hibjump_fill_note(void *note, const struct hibjump_saved *saved);

/* page_tables.c */
#define HIBJUMP_TABLE_PAGES 32

struct hibjump_tables {
	void **page; /* the first one is the top level */
	unsigned int count;
	unsigned int used;
};

unsigned long hibjump_table_pages(u64 end);
int hibjump_alloc_tables(struct hibjump_tables *tables);
void hibjump_free_tables(struct hibjump_tables *tables);
int hibjump_begin_tables(struct hibjump_tables *tables);
int hibjump_map(struct hibjump_tables *tables, u64 start, u64 end);

/* stage.c */
int hibjump_stage_pages(struct file *file, const struct hibjump_stage *stage);
void hibjump_unstage(const struct file *file);
int hibjump_sum_staged(const struct file *file);
int hibjump_check_staged(void);
bool hibjump_is_filled(void);
bool hibjump_is_staged(void);
bool hibjump_is_staged_by(const struct file *file);
int hibjump_map_staged(struct file *file, struct vm_area_struct *vma);
bool hibjump_stages(u64 address);
void *hibjump_staged_page(u64 address); /* where hibjump_stages() */
const struct hibjump_extent *hibjump_staged_region(void);
int hibjump_prepare_staged(const struct hibjump_target *to, u64 *trampoline, u64 *table);

/* home.c: `table` maps the trampoline, which is filled */
#define HIBJUMP_PANIC_BEGINS "panic: " /* the reason that A is given */
int hibjump_home_init(void);
void hibjump_home_exit(void);
void hibjump_know_home(struct hibjump_context *a, u64 table);
void hibjump_forget_home(void);

/* interrupts.c */
void hibjump_find_interrupts(void);
void hibjump_forget_interrupts(void);
void hibjump_end_interrupts(void);

/* masters.c */
void hibjump_find_masters(void);
void hibjump_forget_masters(void);
void hibjump_stop_masters(void);

/* lines.c */
void hibjump_hold_lines(void);
void hibjump_forget_lines(void);

/* sum.c */
int hibjump_sum(const struct hibjump_extent *extent, u64 *sum);

/* ram.c */
u32 hibjump_memory_sum(void);
int hibjump_check_ram(u64 callers_ranges, u32 count);

/* free_map.c: maps for one jump; the caller holds the jump's lock */
int hibjump_alloc_maps(void);
void hibjump_free_maps(void);
int hibjump_fill_maps(void); /* nobody else runs */
u64 hibjump_unused_address(u64 *bytes); /* physical */
u64 hibjump_skipped_address(u64 *bytes);

/* area.c: the records of the last HIBJUMP_LEAVE; the caller holds the jump's lock */
int hibjump_alloc_area(size_t own_bytes, u64 given, u32 given_bytes);
void hibjump_free_area(void);
u64 hibjump_records_address(u64 *bytes); /* physical */
void *hibjump_own_room(size_t *bytes);
void hibjump_own_written(size_t bytes);
int hibjump_give_record(struct hibjump_devices *devices);

/* records.c: docs/format/records.md; what does not fit is left out, and `full` is set */
struct hibjump_writer {
	u8 *bytes;
	size_t room;
	size_t used;
	bool full;
};

void hibjump_begin_record(struct hibjump_writer *to, const char *type, u16 version);
void hibjump_put_number(struct hibjump_writer *to, const char *name, u64 value);
void hibjump_put_text(struct hibjump_writer *to, const char *name, const char *value);
void hibjump_put_bytes(struct hibjump_writer *to, const char *name, const void *value,
		       size_t bytes);
size_t hibjump_open_fields(struct hibjump_writer *to, const char *name);
void hibjump_close_fields(struct hibjump_writer *to, size_t opened);
void hibjump_end_record(struct hibjump_writer *to);

/* devices.c: in the order of the calls */
int hibjump_begin_records(const struct hibjump_leave *leave);
void hibjump_list_devices(void);
void hibjump_record_suspended(u64 now_ns);
void hibjump_record_resumed(void);
void hibjump_end_records(void);
void hibjump_free_records(void);

/* callbacks.c */
enum hibjump_phase {
	HIBJUMP_PREPARE,
	HIBJUMP_SUSPEND,
	HIBJUMP_SUSPEND_LATE,
	HIBJUMP_SUSPEND_NOIRQ,
	HIBJUMP_RESUME_NOIRQ,
	HIBJUMP_RESUME_EARLY,
	HIBJUMP_RESUME,
	HIBJUMP_PHASES,
};

struct hibjump_callbacks {
	u8 called; /* bit N: phase N */
	u8 phase;  /* of the last call */
	int error[HIBJUMP_PHASES];
};

bool hibjump_watch_callbacks(void);
void hibjump_unwatch_callbacks(void);
const char *hibjump_phase_name(enum hibjump_phase phase);
struct hibjump_callbacks *hibjump_callbacks_of(const struct device *device); /* devices.c */

#endif
