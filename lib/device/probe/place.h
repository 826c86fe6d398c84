// Where a device is, spelled so that it stays the same while nothing is plugged elsewhere.
#pragma once

#include <string>

#include "lib/device/probe/tree.h"

namespace hib::device {

// `path`: below /sys ("devices/pci0000:00/…"). Numbers that are only an order of discovery are replaced:
//   PCI           device.function below the bridge, not the bus:     0000:02:00.0       -> 00.0
//   ATA           the port of the controller, not of the machine:    ata3               -> ata1
//   SCSI          channel:target:lun, without the host:              host2/…/2:0:0:0    -> 0:0:0
//   USB           which root hub of the controller, and the ports:   usb2/2-1/2-1.3     -> usb1/1/3
//   SAS, FC       the port, without the host:                        rport-2:0-1        -> rport0-1
//   FireWire      the unit, not the node:                            fw1/fw1.0          -> firewire/unit0
//   MMC           which one below its parent:                        mmc_host/mmc0      -> mmc1
// What has no number of this kind stays as it is.
std::string place_of(const Tree& tree, const std::string& path);

}  // namespace hib::device
