// SPDX-License-Identifier: GPL-2.0
/* /dev/hibjump: its calls, and who may make them. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kexec.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "hibjump.h"

static const bool is_tested =
	HIBJUMP_SERIES_IS_TESTED(LINUX_VERSION_MAJOR, LINUX_VERSION_PATCHLEVEL);

static bool allow_untested;
module_param(allow_untested, bool, 0444);
MODULE_PARM_DESC(allow_untested,
		 "on a kernel series or under a hypervisor where no cycle was ever tested; images record it");

bool hibjump_allows_untested(void)
{
	return allow_untested;
}

/* Both when the device is opened and on each call: a file descriptor may be passed on. */
static int check_caller(void)
{
	if (!ns_capable(&init_user_ns, CAP_SYS_ADMIN) || !ns_capable(&init_user_ns, CAP_SYS_BOOT) ||
	    !ns_capable(&init_user_ns, CAP_SYS_RAWIO))
		return -EPERM;
	return security_locked_down(LOCKDOWN_KEXEC);
}

static int hibjump_open(struct inode *inode, struct file *file)
{
	return check_caller();
}

static int hibjump_release(struct inode *inode, struct file *file)
{
	hibjump_unstage(file);
	return 0;
}

static ssize_t hibjump_read(struct file *file, char __user *buffer, size_t bytes, loff_t *position)
{
	int error = check_caller();
	ssize_t done;

	if (error)
		return error;
	if (*position < 0)
		return -ERANGE;
	done = hibjump_read_physical(buffer, bytes, *position);
	if (done > 0)
		*position += done;
	return done;
}

static ssize_t hibjump_write(struct file *file, const char __user *buffer, size_t bytes,
			     loff_t *position)
{
	int error = check_caller();
	ssize_t done;

	if (error)
		return error;
	if (*position < 0)
		return -ERANGE;
	done = hibjump_write_memory(buffer, bytes, *position);
	if (done > 0)
		*position += done;
	return done;
}

static int hibjump_mmap(struct file *file, struct vm_area_struct *vma)
{
	int error = check_caller();

	if (error)
		return error;
	return hibjump_is_b() ? hibjump_map_physical(vma) : hibjump_map_staged(file, vma);
}

/*
 * Structures begin with their size, for which copy_struct_from_user() has the rules, and then have
 * flags. HIBJUMP_INFO has its version there, which it only gives.
 */
static int take_structure(u32 *to, size_t known, const void __user *from, u32 known_flags)
{
	u32 size;
	int error;

	if (get_user(size, (const u32 __user *)from))
		return -EFAULT;
	if (size < sizeof(u32) || size > PAGE_SIZE)
		return -EINVAL;
	error = copy_struct_from_user(to, known, from, size);
	if (!error && (to[1] & ~known_flags))
		return -EINVAL;
	return error;
}

/* As much as the caller has room for. */
static int give_structure(void __user *to, u32 callers_size, const void *from, size_t known)
{
	return copy_to_user(to, from, min_t(size_t, callers_size, known)) ? -EFAULT : 0;
}

static int call_info(void __user *argument)
{
	struct hibjump_info info;
	struct hibjump_extent region = {};
	int error = take_structure(&info.size, sizeof(info), argument, 0);
	u32 size = info.size;

	if (error)
		return error;
	memset(&info, 0, sizeof(info));
	info.size = min_t(u32, size, sizeof(info));
	info.version = HIBJUMP_VERSION;
	info.role = hibjump_is_b() ? HIBJUMP_ROLE_B : HIBJUMP_ROLE_A;
	if (hibjump_is_armed())
		info.flags |= HIBJUMP_INFO_ARMED;
	if (!is_tested)
		info.flags |= HIBJUMP_INFO_UNTESTED_SERIES;
	if (pgtable_l5_enabled())
		info.flags |= HIBJUMP_INFO_FIVE_LEVELS;
	if (kexec_crash_loaded())
		info.flags |= HIBJUMP_INFO_CRASH_LOADED;
	if (!hibjump_is_b() && hibjump_region(&region)) {
		info.region_start = region.start;
		info.region_bytes = region.end - region.start;
	}
	info.context = hibjump_context_address();
	info.note = hibjump_note_address();
	hibjump_describe_processor(&info);
	return give_structure(argument, size, &info, sizeof(info));
}

static int call_arm(void __user *argument)
{
	struct hibjump_arm arm;
	int error = take_structure(&arm.size, sizeof(arm), argument, 0);

	if (error)
		return error;
	if (arm.reserved || arm.reserved2 || !arm.range_count ||
	    arm.range_count > HIBJUMP_MAX_RANGES)
		return -EINVAL;
	return hibjump_may_leave() ?: hibjump_arm_jump(&arm);
}

static int call_leave(void __user *argument)
{
	struct hibjump_leave leave;
	int error = take_structure(&leave.size, sizeof(leave), argument, 0);
	u32 size = leave.size;

	if (error)
		return error;
	if (leave.reserved || leave.records_bytes > HIBJUMP_MAX_RECORDS ||
	    !leave.records != !leave.records_bytes)
		return -EINVAL;
	leave.size = min_t(u32, size, sizeof(leave));
	error = hibjump_leave_a(&leave);
	return give_structure(argument, size, &leave, sizeof(leave)) ?: error;
}

static int call_return(void __user *argument)
{
	struct hibjump_return request;
	int error = take_structure(&request.size, sizeof(request), argument,
				   HIBJUMP_RETURN_STAND_BY);

	if (error)
		return error;
	if (request.reserved)
		return -EINVAL;
	if (request.flags && (!hibjump_is_b() || request.outcome != HIBJUMP_RETURNED))
		return -EINVAL;
	return hibjump_may_return() ?: hibjump_return_to_a(&request);
}

static int call_home(void __user *argument)
{
	struct hibjump_home home;
	int error = take_structure(&home.size, sizeof(home), argument, 0);

	return error ?: hibjump_take_home(&home);
}

static int call_stage(struct file *file, void __user *argument)
{
	struct hibjump_stage stage;
	int error = take_structure(&stage.size, sizeof(stage), argument, 0);

	if (error)
		return error;
	if (stage.reserved || !stage.range_count || stage.range_count > HIBJUMP_MAX_RANGES)
		return -EINVAL;
	return hibjump_may_return() ?: hibjump_stage(file, &stage);
}

static int call_staged(struct file *file, void __user *argument)
{
	struct hibjump_staged staged;
	int error = take_structure(&staged.size, sizeof(staged), argument, 0);

	return error ?: hibjump_staged(file);
}

static int call_devices(void __user *argument)
{
	struct hibjump_devices devices;
	int error = take_structure(&devices.size, sizeof(devices), argument, 0);
	u32 size = devices.size;

	if (error)
		return error;
	if (!devices.buffer != !devices.buffer_bytes)
		return -EINVAL;
	devices.size = min_t(u32, size, sizeof(devices));
	devices.bytes = 0;
	error = hibjump_devices(&devices);
	return give_structure(argument, size, &devices, sizeof(devices)) ?: error;
}

static long hibjump_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument = (void __user *)value;
	int error = check_caller();

	if (error)
		return error;
	if (command == HIBJUMP_INFO)
		return call_info(argument);
	if (command == HIBJUMP_RETURN && !hibjump_is_b() && !hibjump_is_staged_by(file))
		return -ENODEV;
	if (command == HIBJUMP_RETURN)
		return call_return(argument);
	if (command == HIBJUMP_HOME)
		return hibjump_is_b() ? call_home(argument) : -ENODEV;
	if (command != HIBJUMP_ARM && command != HIBJUMP_DISARM && command != HIBJUMP_LEAVE &&
	    command != HIBJUMP_DEVICES && command != HIBJUMP_STAGE &&
	    command != HIBJUMP_STAGED)
		return -ENOTTY;
	if (hibjump_is_b())
		return -ENODEV;
	if (command == HIBJUMP_ARM)
		return call_arm(argument);
	if (command == HIBJUMP_DISARM)
		return hibjump_disarm();
	if (command == HIBJUMP_DEVICES)
		return call_devices(argument);
	if (command == HIBJUMP_STAGE)
		return call_stage(file, argument);
	if (command == HIBJUMP_STAGED)
		return call_staged(file, argument);
	return call_leave(argument);
}

static const struct file_operations hibjump_files = {
	.owner = THIS_MODULE,
	.open = hibjump_open,
	.release = hibjump_release,
	.llseek = default_llseek,
	.read = hibjump_read,
	.write = hibjump_write,
	.mmap = hibjump_mmap,
	.unlocked_ioctl = hibjump_ioctl,
};

static struct miscdevice hibjump_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hibjump",
	.fops = &hibjump_files,
	.mode = 0600,
};

static int __init hibjump_init(void)
{
	int error;

	if (!is_tested && !allow_untested) {
		pr_err("hibjump: untested kernel series; allow_untested=1 loads it all the same\n");
		return -EOPNOTSUPP;
	}
	error = hibjump_jump_init();
	if (error)
		return error;
	error = hibjump_leave_init();
	if (error)
		goto free_jump;
	error = hibjump_home_init();
	if (error)
		goto free_leave;
	error = misc_register(&hibjump_device);
	if (error)
		goto free_home;
	return 0;

free_home:
	hibjump_home_exit();
free_leave:
	hibjump_leave_exit();
free_jump:
	hibjump_jump_exit();
	return error;
}

static void __exit hibjump_exit(void)
{
	misc_deregister(&hibjump_device);
	hibjump_home_exit();
	hibjump_leave_exit();
	hibjump_jump_exit();
}

module_init(hibjump_init);
module_exit(hibjump_exit);
MODULE_DESCRIPTION("Hibernation by a kernel jump");
MODULE_LICENSE("GPL");
