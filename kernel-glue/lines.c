// SPDX-License-Identifier: GPL-2.0
/*
 * Devices with a line for their interrupts (INTx) that a panic of B leaves at work: they raise it at
 * any time. A's drivers take their devices back one after the other, and what shares the line with
 * one that is not back yet would be interrupted for ever: the kernel gives up such a line ("nobody
 * cared"). So each of these devices stays off its line until its driver has restored it.
 */
#include <linux/pci.h>
#include <linux/string.h>

#include "hibjump.h"

#define MOST_HELD 256

static struct pci_dev *held[MOST_HELD];
static unsigned int count;

static bool is_after_panic(void)
{
	const struct hibjump_context *context = hibjump_own_context();

	return !hibjump_is_b() && context->outcome == HIBJUMP_FAILED &&
	       str_has_prefix(context->reason, HIBJUMP_PANIC_BEGINS);
}

static u32 *saved_command(struct pci_dev *device)
{
	return &device->saved_config_space[PCI_COMMAND / 4];
}

static bool uses_its_line(struct pci_dev *device)
{
	return device->pin && device->state_saved && !device->msi_enabled &&
	       !device->msix_enabled && !(*saved_command(device) & PCI_COMMAND_INTX_DISABLE);
}

/* The PCI core restores what it has saved before it lets interrupts pass. */
void hibjump_hold_lines(void)
{
	struct pci_dev *device = NULL;

	if (!is_after_panic() || !hibjump_watches_callbacks())
		return;
	for_each_pci_dev(device) {
		if (count == MOST_HELD || !uses_its_line(device))
			continue;
		*saved_command(device) |= PCI_COMMAND_INTX_DISABLE;
		held[count++] = pci_dev_get(device);
	}
}

/* Its driver has it again. */
void hibjump_release_line(const struct device *device)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (&held[i]->dev == device)
			pci_intx(held[i], 1);
	}
}

/* Also of devices without a driver. */
void hibjump_release_lines(void)
{
	while (count) {
		pci_intx(held[--count], 1);
		pci_dev_put(held[count]);
	}
}
