// SPDX-License-Identifier: GPL-2.0
/*
 * What the administrator or a program forbids. The kernel tells modules of it in files alone:
 * hibernation_available(), secretmem_active() and kexec_load_disabled are not exported. What cannot
 * be read counts as forbidden.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/security.h>
#include <linux/string.h>

#include "hibjump.h"

/*
 * Of nohibernate, memory of memfd_secret(), or CXL memory. Open while the machine leaves: with the
 * tasks frozen, looking a path up may wait for one of them for ever (FUSE). What is read is made at
 * that moment.
 */
static struct file *modes;

/*
 * The kernel's own file: the paths are looked up where the caller lives, who may have mounted
 * another one over it.
 */
static struct file *open_of_kernel(const char *path, unsigned long magic)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	const char *name = strrchr(path, '/') + 1;

	if (IS_ERR(file))
		return file;
	if (file_inode(file)->i_sb->s_magic == magic &&
	    !strcmp(file->f_path.dentry->d_name.name, name))
		return file;
	filp_close(file, NULL);
	return ERR_PTR(-EPERM);
}

/* Bytes of the file, of which as many as there is room for are read; the text ends with NUL. */
static ssize_t read_text(struct file *file, char *text, size_t room)
{
	loff_t position = 0;
	ssize_t bytes = kernel_read(file, text, room - 1, &position);

	if (bytes >= 0)
		text[bytes] = 0;
	return bytes;
}

static bool kernel_loads_others(void)
{
	struct file *file =
		open_of_kernel("/proc/sys/kernel/kexec_load_disabled", PROC_SUPER_MAGIC);
	char disabled[4];
	ssize_t bytes;

	if (IS_ERR(file))
		return false;
	bytes = read_text(file, disabled, sizeof(disabled));
	filp_close(file, NULL);
	return bytes > 0 && !strcmp(disabled, "0\n");
}

/* May another kernel be put into the crash region? */
int hibjump_may_load(void)
{
	return kernel_loads_others() ? 0 : -EPERM;
}

/* May this kernel's memory still be written to a disk? After hibjump_begin_permission(). */
int hibjump_may_still_hibernate(void)
{
	int error = security_locked_down(LOCKDOWN_HIBERNATION);
	char text[16]; /* "[disabled]\n", or the names of the ways to switch off */

	if (!error && (read_text(modes, text, sizeof(text)) <= 0 || !strcmp(text, "[disabled]\n")))
		error = -EPERM;
	return error;
}

/* The caller holds the jump's lock. */
int hibjump_begin_permission(void)
{
	int error;

	modes = open_of_kernel("/sys/power/disk", SYSFS_MAGIC);
	if (IS_ERR(modes))
		return -EPERM;
	error = hibjump_may_still_hibernate();
	if (error)
		hibjump_end_permission();
	return error;
}

void hibjump_end_permission(void)
{
	filp_close(modes, NULL);
}

int hibjump_may_hibernate(void)
{
	int error = hibjump_begin_permission();

	if (!error)
		hibjump_end_permission();
	return error;
}
