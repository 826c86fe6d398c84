// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that a panic leaves while they write to memory. A takes its IOMMU up again before its
 * drivers reset them; what they write then would go through A's tables, to anywhere in A's memory.
 * So none of them may be a master of the bus any more; A's restore makes them masters again.
 */
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "hibjump.h"

#define MILLISECONDS_UNDER_WAY 5 /* for what left a device before */

static struct pci_dev **masters; /* held; bridges pass on what others send */
static unsigned int count;

void hibjump_find_masters(void)
{
	struct pci_dev *device = NULL;
	unsigned int room = 0;

	for_each_pci_dev(device)
		room++;
	masters = kcalloc(room, sizeof(*masters), GFP_KERNEL);
	while (masters && count < room && (device = pci_get_device(PCI_ANY_ID, PCI_ANY_ID, device))) {
		if (!pci_is_bridge(device))
			masters[count++] = pci_dev_get(device);
	}
	pci_dev_put(device);
}

void hibjump_forget_masters(void)
{
	while (count)
		pci_dev_put(masters[--count]);
	kfree(masters);
	masters = NULL;
}

/* Nobody else runs, and interrupts are off. */
void hibjump_stop_masters(void)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		u16 command;

		pci_bus_read_config_word(masters[i]->bus, masters[i]->devfn, PCI_COMMAND, &command);
		pci_bus_write_config_word(masters[i]->bus, masters[i]->devfn, PCI_COMMAND,
					  command & ~PCI_COMMAND_MASTER);
	}
	mdelay(MILLISECONDS_UNDER_WAY);
}
