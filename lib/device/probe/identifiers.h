// What devices say of themselves, out of the bytes in which sysfs shows it. They come from the device, which
// may be anybody's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::device {

// False for what vendors write where a number of its own should be: nothing, all zeros, "123456789", "To Be
// Filled By …".
bool tells_apart(const std::string& identifier);

struct Identifier {
  std::string name;  // "wwn" (NAA), "eui64", "t10"
  std::string text;
};

// SCSI's vital product data (SPC-5, 7.7). Page 0x83: the designators of the logical unit itself, not of port
// or target; the bytes of wwn and eui64 in hexadecimal. Page 0x80: the unit serial number.
Result<std::vector<Identifier>> vpd_designators(ByteView page);
Result<std::string> vpd_serial(ByteView page);

// Page 0x89 has an ATA disk's IDENTIFY DEVICE data (SAT-4; ATA8-ACS, 7.12.7): text with the bytes of each
// word exchanged.
struct AtaIdentity {
  std::string serial;
  std::string firmware;
  std::string model;
  std::string wwn;  // "" when it has none
};
Result<AtaIdentity> vpd_ata_identity(ByteView page);

// The Device Serial Number of PCI Express (7.9.3) as lspci spells it, out of the configuration space as far
// as it could be read; nothing when there is none. Fails when that cannot be told: cut short, a chain of
// capabilities that leads nowhere.
Result<std::optional<std::string>> pci_serial_number(ByteView config);

// The first six quadlets of a FireWire node's configuration ROM in hexadecimal, whichever byte order the
// kernel shows it in.
Result<std::string> firewire_rom(ByteView rom);

// An MMC or SD card's identification register as sysfs shows it: 32 hexadecimal digits, in lower case.
Result<std::string> card_identification(const std::string& text);

}  // namespace hib::device
