// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel that panics leaves in the interrupt controllers. A sets them up again, but it
 * cannot end what B was told of and has not handled: the line of that device would stand still for
 * ever, and so would whatever ranks below it on the processor.
 */
#include <asm/apic.h>
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/kernel.h>

#include "hibjump.h"

#define KNOWN_IO_APICS 64
#define IO_APIC_BYTES 0x100

/* Registers of an I/O APIC, by the specifications of Intel's 82093AA and ICH. */
#define INDEX 0x00
#define DATA 0x10
#define END 0x40 /* from version 0x20 on */
#define VERSION 1
#define VERSION_OF(value) ((value)&0xff)
#define LAST_LINE_OF(value) (((value) >> 16) & 0xff)
#define LINE(number) (0x10 + 2 * (number))
#define LINE_VECTOR 0xff
#define LINE_MODE 0x700
#define LINE_MODE_SMI 0x200
#define LINE_WAITS BIT(14) /* for the end of an interrupt */
#define LINE_BY_LEVEL BIT(15)
#define LINE_MASKED BIT(16)

static void __iomem *io_apics[KNOWN_IO_APICS];
static unsigned int io_apic_count;

static u32 read_register(void __iomem *io_apic, u32 index)
{
	writel(index, io_apic + INDEX);
	return readl(io_apic + DATA);
}

static void write_register(void __iomem *io_apic, u32 index, u32 value)
{
	writel(index, io_apic + INDEX);
	writel(value, io_apic + DATA);
}

static void end_line(void __iomem *io_apic, u32 version, u32 line)
{
	u32 entry = read_register(io_apic, LINE(line));

	if ((entry & LINE_MODE) == LINE_MODE_SMI)
		return;
	write_register(io_apic, LINE(line), entry | LINE_MASKED);
	entry = read_register(io_apic, LINE(line));
	if (!(entry & LINE_WAITS))
		return;
	/* The older ones forget it when the line is by edge for a moment. */
	if (version < 0x20)
		write_register(io_apic, LINE(line), entry & ~LINE_BY_LEVEL);
	write_register(io_apic, LINE(line), entry | LINE_BY_LEVEL);
	if (version >= 0x20)
		writel(entry & LINE_VECTOR, io_apic + END);
}

static void end_lines(void __iomem *io_apic)
{
	u32 version = read_register(io_apic, VERSION), line;

	for (line = 0; line <= LAST_LINE_OF(version); line++)
		end_line(io_apic, VERSION_OF(version), line);
}

static bool is_in_service(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++) {
		if (apic->read(APIC_ISR + 0x10 * i))
			return true;
	}
	return false;
}

/* Nobody else runs, and interrupts are off. */
void hibjump_end_interrupts(void)
{
	unsigned int i;

	for (i = 0; i < io_apic_count; i++)
		end_lines(io_apics[i]);
	if (!boot_cpu_has(X86_FEATURE_APIC))
		return;
	for (i = 0; i < 256 && is_in_service(); i++)
		apic->write(APIC_EOI, APIC_EOI_ACK);
}

/* ---- where they are */

static void add_io_apic(u64 address)
{
	void __iomem *io_apic;

	if (io_apic_count == KNOWN_IO_APICS)
		return;
	io_apic = ioremap(address, IO_APIC_BYTES);
	if (io_apic)
		io_apics[io_apic_count++] = io_apic;
}

void hibjump_find_interrupts(void)
{
	struct acpi_table_header *table;
	const void *entry, *end;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_MADT, 0, &table)))
		return;
	end = (const void *)table + table->length;
	entry = (const void *)table + sizeof(struct acpi_table_madt);
	while (entry + sizeof(struct acpi_subtable_header) <= end) {
		const struct acpi_subtable_header *header = entry;

		if (header->length < sizeof(*header) || header->length > end - entry)
			break;
		if (header->type == ACPI_MADT_TYPE_IO_APIC &&
		    header->length >= sizeof(struct acpi_madt_io_apic))
			add_io_apic(((const struct acpi_madt_io_apic *)entry)->address);
		entry += header->length;
	}
	acpi_put_table(table);
}

void hibjump_forget_interrupts(void)
{
	while (io_apic_count)
		iounmap(io_apics[--io_apic_count]);
}
