#!/bin/bash
# dracut's module: goes back into a machine that a kernel jump has saved.

check() {
	require_binaries hibtool || return 1
	sh -n "$dracutsysrootdir/etc/hibtool.conf" || return 1
	local TARGET='' FALLBACK STANDBY KERNEL ARM_OPTIONS
	. "$dracutsysrootdir/etc/hibtool.conf"
	[[ $TARGET ]]
}

depends() {
	return 0
}

installkernel() {
	local DEVICE OFFSET DRIVERS=''
	[[ ! -e $dracutsysrootdir/var/lib/hibtool/place ]] || . "$dracutsysrootdir/var/lib/hibtool/place"
	# shellcheck disable=SC2086 # names, separated by spaces
	hostonly='' instmods hibjump softdog $DRIVERS
}

install() {
	local TARGET FALLBACK STANDBY KERNEL='' ARM_OPTIONS
	inst_multiple hibtool modprobe grep sleep cat
	inst_simple /etc/hibtool.conf
	inst_simple /usr/libexec/hibtool/resume
	[[ ! -e $dracutsysrootdir/var/lib/hibtool/place ]] || inst_simple /var/lib/hibtool/place /etc/hibtool.place
	if dracut_module_included systemd; then
		inst_simple "$moddir/hibtool-resume.service" "$systemdsystemunitdir/hibtool-resume.service"
		$SYSTEMCTL -q --root "$initdir" add-wants initrd.target hibtool-resume.service
	else
		inst_hook pre-mount 05 "$moddir/hibtool.sh"
	fi
	. "$dracutsysrootdir/etc/hibtool.conf"
	[[ $KERNEL != yes ]] || inst_simple "/boot/vmlinuz-$kernel"
}
