// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI's events. Another kernel disables those that it has no driver for, and enables others, so
 * they are made again as they were. The firmware is not told of a sleep: for it the machine goes
 * on, or was off.
 */
#include <linux/acpi.h>

#include "hibjump.h"

static acpi_event_status events[ACPI_NUM_FIXED_EVENTS];

/* The devices are suspended. From here on nothing comes from ACPI until hibjump_leave_acpi(). */
void hibjump_keep_acpi(void)
{
	u32 event;

	if (acpi_disabled)
		return;
	for (event = 0; event < ACPI_NUM_FIXED_EVENTS; event++) {
		if (ACPI_FAILURE(acpi_get_event_status(event, &events[event])))
			events[event] = 0;
	}
	acpi_disable_all_gpes();
	acpi_os_wait_events_complete();
}

static void restore_events(void)
{
	u32 event;

	for (event = 0; event < ACPI_NUM_FIXED_EVENTS; event++) {
		if (events[event] & ACPI_EVENT_FLAG_ENABLE_SET) {
			acpi_clear_event(event); /* of the other kernel's time */
			acpi_enable_event(event, 0);
		} else {
			acpi_disable_event(event, 0);
		}
	}
}

/* `left`: another kernel had ACPI meanwhile. */
void hibjump_leave_acpi(bool left)
{
	if (acpi_disabled)
		return;
	if (left) {
		acpi_enable();
		acpi_leave_sleep_state_prep(ACPI_STATE_S4);
		restore_events();
	}
	acpi_enable_all_runtime_gpes();
}
