// SPDX-License-Identifier: GPL-2.0
/*
 * The devices in PM order, and the record of how each was left and came back. It is written twice:
 * when the devices are suspended, for whoever reads A's memory, and when they are resumed.
 *
 * They are listed when the tasks are frozen and before the first device is suspended: later they
 * are on lists that nobody else can walk, and earlier there could be others. Names are taken then
 * too; until the tasks run again nobody renames a device or unloads a driver.
 */
#include <linux/device.h>
#include <linux/hashtable.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/pm_wakeup.h>
#include <linux/slab.h>

#include "hibjump.h"

#define RECORD_VERSION	 1
#define BUCKET_BITS	 10
#define BYTES_PER_DEVICE 1024 /* in the record, mostly less */
#define HEAD_BYTES	 8192 /* what is not said of a device; also devices that failed */
#define TAIL_BYTES	 64   /* for what was cut */
#define MORE_DEVICES	 256  /* that may appear before the tasks are frozen */

struct entry {
	struct hlist_node node;
	struct device *device; /* with a reference */
	char *path;	       /* below /sys, NULL where there was no memory */
	const char *bus;
	const char *driver;
	struct hibjump_callbacks callbacks;
	/* When it was listed: */
	bool has_runtime; /* its power is managed while the machine runs */
	/* When it was suspended: */
	bool direct_complete;
	bool suspended;
	bool no_callbacks;
	bool syscore;
	bool async;
	bool wakeup;
	bool config_saved;
	u8 runtime_status;
	s8 pci_state;
	u32 config[16];
};

static struct entry *entries;
static u32 capacity, count;
static u32 missed; /* devices without an entry */
static bool listed, captured, traced;
static u64 suspended_ns;
static DEFINE_HASHTABLE(by_device, BUCKET_BITS);

static struct entry *entry_of(const struct device *device)
{
	struct entry *entry;

	hash_for_each_possible(by_device, entry, node, (unsigned long)device) {
		if (entry->device == device)
			return entry;
	}
	return NULL;
}

struct hibjump_callbacks *hibjump_callbacks_of(const struct device *device)
{
	struct entry *entry = entry_of(device);

	return entry ? &entry->callbacks : NULL;
}

/* ---- before the devices are suspended */

static void count_device(struct device *device, void *data)
{
	u32 *sum = data;

	++*sum;
}

static void forget_devices(void)
{
	u32 i;

	hash_init(by_device);
	for (i = 0; i < count; i++) {
		kfree(entries[i].path);
		put_device(entries[i].device);
	}
	kvfree(entries);
	entries = NULL;
	count = 0;
}

/* Room for the devices and for what is written of them. An error leaves nothing behind. */
int hibjump_begin_records(const struct hibjump_leave *leave)
{
	u32 sum = 0;
	int error;

	dpm_for_each_dev(&sum, count_device);
	capacity = sum + MORE_DEVICES;
	error = hibjump_alloc_area(HEAD_BYTES + (size_t)capacity * BYTES_PER_DEVICE, leave->records,
				   leave->records_bytes);
	if (error)
		return error;
	count = 0;
	missed = 0;
	listed = false;
	captured = false;
	suspended_ns = 0;
	hash_init(by_device);
	entries = kvcalloc(capacity, sizeof(*entries), GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	if (!entries) {
		hibjump_free_area();
		return -ENOMEM;
	}
	traced = hibjump_watch_callbacks();
	return 0;
}

/* The PM core holds its list's lock, under which nothing may wait for a disk. */
static void list_device(struct device *device, void *data)
{
	struct device_driver *driver = READ_ONCE(device->driver);
	struct entry *entry;

	if (count == capacity) {
		missed++;
		return;
	}
	entry = &entries[count++];
	entry->device = get_device(device);
	entry->path = kobject_get_path(&device->kobj, GFP_NOIO | __GFP_NOWARN);
	entry->bus = device->bus ? device->bus->name : device->class ? device->class->name : NULL;
	entry->driver = driver ? driver->name : NULL;
	entry->has_runtime = pm_runtime_enabled(device);
	hash_add(by_device, &entry->node, (unsigned long)device);
}

/*
 * Of those that are prepared already: the root of platform devices and the brake (leave.c), nothing
 * is said. Does nothing in B, which has no entries.
 */
void hibjump_list_devices(void)
{
	if (!entries)
		return;
	dpm_for_each_dev(NULL, list_device);
	listed = true;
}

/* ---- when they are suspended */

/*
 * The PCI core calls D0 unknown while the machine is suspended, because firmware could change it.
 * Here there is none: what the function says counts, where it can be reached.
 */
static pci_power_t power_of(struct pci_dev *function)
{
	int where = function->pm_cap ? function->pm_cap + PCI_PM_CTRL : PCI_VENDOR_ID;
	u16 word;

	if (function->current_state != PCI_UNKNOWN)
		return function->current_state;
	if (pci_read_config_word(function, where, &word) || PCI_POSSIBLE_ERROR(word))
		return PCI_UNKNOWN;
	/* Without the capability there is no other state. */
	return function->pm_cap ? (__force pci_power_t)(word & PCI_PM_CTRL_STATE_MASK) : PCI_D0;
}

static void capture_pci(struct entry *entry)
{
	struct pci_dev *function;

	if (!IS_ENABLED(CONFIG_PCI) || !dev_is_pci(entry->device))
		return;
	function = to_pci_dev(entry->device);
	entry->pci_state = (__force int)power_of(function);
	entry->config_saved = function->state_saved;
	BUILD_BUG_ON(sizeof(entry->config) != sizeof(function->saved_config_space));
	memcpy(entry->config, function->saved_config_space, sizeof(entry->config));
}

static void capture(struct entry *entry)
{
	const struct dev_pm_info *power = &entry->device->power;

	entry->direct_complete = power->direct_complete;
	entry->suspended = power->is_suspended;
	entry->no_callbacks = power->no_pm_callbacks;
	entry->syscore = power->syscore;
	entry->async = power->async_suspend;
	entry->runtime_status = power->runtime_status;
	entry->wakeup = device_may_wakeup(entry->device);
	capture_pci(entry);
}

/* ---- the record */

static bool is_called(const struct entry *entry, enum hibjump_phase phase)
{
	return entry->callbacks.called & BIT(phase);
}

static const char *how_left(const struct entry *entry)
{
	if (entry->direct_complete)
		return "runtime-suspended";
	if (entry->syscore || (!traced && entry->no_callbacks))
		return "active";
	if (!traced)
		return entry->suspended ? "suspended" : "active";
	if (is_called(entry, HIBJUMP_SUSPEND) || is_called(entry, HIBJUMP_SUSPEND_LATE) ||
	    is_called(entry, HIBJUMP_SUSPEND_NOIRQ))
		return "suspended";
	return "active";
}

static const char *runtime_name(u8 status)
{
	static const char *const names[] = { "active", "resuming", "suspended", "suspending" };

	BUILD_BUG_ON(RPM_ACTIVE != 0 || RPM_SUSPENDING != 3);
	return status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

static void put_flags(struct hibjump_writer *to, const struct entry *entry)
{
	char text[64];

	scnprintf(text, sizeof(text), "%s%s%s%s%s",
		  entry->direct_complete ? " direct-complete" : "",
		  entry->no_callbacks ? " no-callbacks" : "", entry->syscore ? " syscore" : "",
		  entry->async ? " async" : "", entry->wakeup ? " wakeup" : "");
	if (*text)
		hibjump_put_text(to, "flags", text + 1);
}

static void put_pci(struct hibjump_writer *to, const struct entry *entry)
{
	if (!IS_ENABLED(CONFIG_PCI) || !dev_is_pci(entry->device))
		return;
	if (entry->pci_state >= 0 && entry->pci_state <= (__force int)PCI_UNKNOWN)
		hibjump_put_text(to, "power",
				 pci_power_name((__force pci_power_t)(int)entry->pci_state));
	if (entry->config_saved)
		hibjump_put_bytes(to, "config", entry->config, sizeof(entry->config));
}

/* A number of the kernel's that may be below zero. */
static void put_result(struct hibjump_writer *to, const char *name, int result)
{
	char text[16];

	scnprintf(text, sizeof(text), "%d", result);
	hibjump_put_text(to, name, text);
}

/* Preparation is around all of a device, whether it has a callback or not: only errors tell. */
static void put_callbacks(struct hibjump_writer *to, const struct entry *entry)
{
	size_t opened;
	int phase;

	if (!(entry->callbacks.called & ~BIT(HIBJUMP_PREPARE)) &&
	    !entry->callbacks.error[HIBJUMP_PREPARE])
		return;
	opened = hibjump_open_fields(to, "callbacks");
	for (phase = 0; phase < HIBJUMP_PHASES; phase++) {
		int error = entry->callbacks.error[phase];

		if (is_called(entry, phase) && (phase != HIBJUMP_PREPARE || error))
			put_result(to, hibjump_phase_name(phase), error);
	}
	hibjump_close_fields(to, opened);
}

static void put_names(struct hibjump_writer *to, const struct entry *entry)
{
	/* As /sys has it, without the slash before it. */
	hibjump_put_text(to, "path", entry->path ? entry->path + 1 : "");
	if (entry->bus)
		hibjump_put_text(to, "bus", entry->bus);
	if (entry->driver)
		hibjump_put_text(to, "driver", entry->driver);
}

static void put_device_fields(struct hibjump_writer *to, const struct entry *entry)
{
	size_t opened = hibjump_open_fields(to, "device");

	hibjump_put_number(to, "order", entry - entries);
	put_names(to, entry);
	put_flags(to, entry);
	if (captured) {
		hibjump_put_text(to, "left", how_left(entry));
		if (entry->has_runtime)
			hibjump_put_text(to, "runtime", runtime_name(entry->runtime_status));
		put_pci(to, entry);
	}
	put_callbacks(to, entry);
	hibjump_close_fields(to, opened);
}

/* Before all devices, so that they are not what is cut. */
static void put_failures(struct hibjump_writer *to, const struct entry *entry)
{
	int phase;

	for (phase = 0; phase < HIBJUMP_PHASES; phase++) {
		size_t opened;

		if (!entry->callbacks.error[phase])
			continue;
		opened = hibjump_open_fields(to, "failed");
		put_names(to, entry);
		hibjump_put_text(to, "phase", hibjump_phase_name(phase));
		put_result(to, "error", entry->callbacks.error[phase]);
		hibjump_close_fields(to, opened);
	}
}

static void write_record(bool resumed)
{
	struct hibjump_writer to = {};
	u32 written = 0;
	u32 i;

	to.bytes = hibjump_own_room(&to.room);
	to.room -= TAIL_BYTES;
	hibjump_begin_record(&to, "suspend", RECORD_VERSION);
	hibjump_put_number(&to, "suspended_ns", suspended_ns);
	hibjump_put_number(&to, "resumed", resumed);
	hibjump_put_text(&to, "callbacks", traced ? "traced" : "unknown");
	hibjump_put_number(&to, "devices", count + missed);
	for (i = 0; i < count; i++)
		put_failures(&to, &entries[i]);
	for (i = 0; i < count; i++) {
		put_device_fields(&to, &entries[i]);
		written += !to.full;
	}
	to.full = false;
	to.room += TAIL_BYTES;
	if (written < count + missed)
		hibjump_put_number(&to, "cut", count + missed - written);
	hibjump_end_record(&to);
	hibjump_own_written(to.used);
}

void hibjump_record_suspended(u64 now_ns)
{
	u32 i;

	if (!listed)
		return;
	for (i = 0; i < count; i++)
		capture(&entries[i]);
	captured = true;
	suspended_ns = now_ns;
	write_record(false);
}

void hibjump_record_resumed(void)
{
	if (listed)
		write_record(true);
}

void hibjump_end_records(void)
{
	hibjump_unwatch_callbacks();
	forget_devices();
	listed = false;
}

void hibjump_free_records(void)
{
	hibjump_free_area();
}
