// SPDX-License-Identifier: GPL-2.0
/*
 * What the PM core called of each device, and what that returned: it keeps neither, but traces
 * both. Its tracepoints are not exported; they are found by their names. Where a kernel does not
 * have them, the results are not known, and the record says so.
 */
#include <linux/pm.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/power.h>

#include "hibjump.h"

#define RESUMING (PM_EVENT_RESUME | PM_EVENT_THAW | PM_EVENT_RESTORE | PM_EVENT_RECOVER)

static const char *const phase_names[HIBJUMP_PHASES] = {
	"prepare",	"suspend",	"suspend_late", "suspend_noirq",
	"resume_noirq", "resume_early", "resume",
};

const char *hibjump_phase_name(enum hibjump_phase phase)
{
	return phase_names[phase];
}

static bool begins_with(const char *text, const char *with)
{
	return text && !strncmp(text, with, strlen(with));
}

/*
 * `operations` is how the PM core calls them: "noirq driver ", "early bus ", "class "; "" around
 * all of the preparation and of the completion of one device.
 */
static enum hibjump_phase phase_of(const char *operations, int event)
{
	bool resuming = event & RESUMING;

	if (operations && !*operations)
		return resuming ? HIBJUMP_PHASES : HIBJUMP_PREPARE; /* completion returns nothing */
	if (begins_with(operations, "noirq "))
		return resuming ? HIBJUMP_RESUME_NOIRQ : HIBJUMP_SUSPEND_NOIRQ;
	if (begins_with(operations, "late "))
		return HIBJUMP_SUSPEND_LATE;
	if (begins_with(operations, "early "))
		return HIBJUMP_RESUME_EARLY;
	return resuming ? HIBJUMP_RESUME : HIBJUMP_SUSPEND;
}

/*
 * Devices are suspended and resumed on several processors at once, but each of them by one after
 * the other, and the PM core waits for all before the next phase.
 */
static void callback_starts(void *data, struct device *device, const char *operations, int event)
{
	struct hibjump_callbacks *callbacks = hibjump_callbacks_of(device);

	if (callbacks)
		WRITE_ONCE(callbacks->phase, phase_of(operations, event));
}

/* A subsystem may call several callbacks for one phase: the first error is the one that counts. */
static void callback_ends(void *data, struct device *device, int error)
{
	struct hibjump_callbacks *callbacks = hibjump_callbacks_of(device);
	u8 phase = callbacks ? READ_ONCE(callbacks->phase) : HIBJUMP_PHASES;

	if (phase >= HIBJUMP_PHASES)
		return;
	if (!callbacks->error[phase])
		WRITE_ONCE(callbacks->error[phase], error);
	WRITE_ONCE(callbacks->called, callbacks->called | BIT(phase));
}

static struct tracepoint *starts, *ends;
static bool watching;

static void find_tracepoints(struct tracepoint *tracepoint, void *data)
{
	if (!strcmp(tracepoint->name, "device_pm_callback_start"))
		starts = tracepoint;
	if (!strcmp(tracepoint->name, "device_pm_callback_end"))
		ends = tracepoint;
}

/* False where this kernel cannot do it. */
bool hibjump_watch_callbacks(void)
{
	check_trace_callback_type_device_pm_callback_start(callback_starts);
	check_trace_callback_type_device_pm_callback_end(callback_ends);
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return false;
	starts = NULL;
	ends = NULL;
	for_each_kernel_tracepoint(find_tracepoints, NULL);
	if (!starts || !ends || tracepoint_probe_register(starts, callback_starts, NULL))
		return false;
	if (tracepoint_probe_register(ends, callback_ends, NULL)) {
		tracepoint_probe_unregister(starts, callback_starts, NULL);
		tracepoint_synchronize_unregister();
		return false;
	}
	watching = true;
	return true;
}

/* Nobody uses the devices' callbacks any more when this returns. */
void hibjump_unwatch_callbacks(void)
{
	if (!watching)
		return;
	tracepoint_probe_unregister(ends, callback_ends, NULL);
	tracepoint_probe_unregister(starts, callback_starts, NULL);
	tracepoint_synchronize_unregister();
	watching = false;
}
