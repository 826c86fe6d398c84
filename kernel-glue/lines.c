// SPDX-License-Identifier: GPL-2.0
/*
 * Devices with a line for their interrupts (INTx) that a panic of B leaves at work: they raise it at
 * any time. Where A's driver has given its device up meanwhile, nobody in A ends such an interrupt,
 * and what shares the line would be interrupted for ever: the kernel gives up such a line ("nobody
 * cared"). So A finds these devices off their lines. The PCI core lets each to its line again when
 * its driver enables it, which is when the driver takes it back.
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

static bool is_given_up(struct pci_dev *device)
{
	return device->pin && device->state_saved && !pci_is_enabled(device) &&
	       !(*saved_command(device) & PCI_COMMAND_INTX_DISABLE);
}

/* The PCI core writes what it has saved before it lets interrupts pass. */
void hibjump_hold_lines(void)
{
	struct pci_dev *device = NULL;

	if (!is_after_panic())
		return;
	for_each_pci_dev(device) {
		if (count == MOST_HELD || !is_given_up(device))
			continue;
		*saved_command(device) |= PCI_COMMAND_INTX_DISABLE;
		held[count++] = pci_dev_get(device);
	}
}

/* It is written. The kernel may use again what it has saved, after an error of the bus. */
void hibjump_forget_lines(void)
{
	while (count) {
		*saved_command(held[--count]) &= ~PCI_COMMAND_INTX_DISABLE;
		pci_dev_put(held[count]);
	}
}
