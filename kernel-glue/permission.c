// SPDX-License-Identifier: GPL-2.0
/*
 * What the administrator or a program forbids. The kernel tells modules of it in files alone:
 * hibernation_available(), secretmem_active() and kexec_load_disabled are not exported. What cannot
 * be read counts as forbidden.
 */
#include <linux/fs.h>
#include <linux/security.h>
#include <linux/string.h>

#include "hibjump.h"

/* Bytes of the file, of which as many as there is room for are read; the text ends with NUL. */
static ssize_t read_setting(const char *path, char *text, size_t room)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t position = 0;
	ssize_t bytes;

	if (IS_ERR(file))
		return PTR_ERR(file);
	bytes = kernel_read(file, text, room - 1, &position);
	filp_close(file, NULL);
	if (bytes >= 0)
		text[bytes] = 0;
	return bytes;
}

/* Of nohibernate, memory of memfd_secret(), or CXL memory; a file of sysfs never blocks. */
static bool kernel_hibernates(void)
{
	char modes[16]; /* "[disabled]\n", or the names of the ways to switch off */

	return read_setting("/sys/power/disk", modes, sizeof(modes)) > 0 &&
	       strcmp(modes, "[disabled]\n");
}

static bool kernel_loads_others(void)
{
	char disabled[4];

	return read_setting("/proc/sys/kernel/kexec_load_disabled", disabled, sizeof(disabled)) > 0 &&
	       !strcmp(disabled, "0\n");
}

/* May this kernel's memory be written to a disk? */
int hibjump_may_hibernate(void)
{
	int error = security_locked_down(LOCKDOWN_HIBERNATION);

	if (!error && !kernel_hibernates())
		error = -EPERM;
	return error;
}

/* May another kernel be put into the crash region? */
int hibjump_may_load(void)
{
	return kernel_loads_others() ? 0 : -EPERM;
}
