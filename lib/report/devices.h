// Devices for people and scripts.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/device/match/match.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

// A tree of all of them, as lsblk draws it. `numeric`: ids instead of names, as lspci -n, and so the same on
// every machine.
void print_devices(std::ostream& out, const Style& style, const device::DeviceSet& set, bool numeric);

// Each of them as the cells of a table.
struct DeviceRow {
  std::string kind;
  std::string name;
  std::string model;
  std::string driver;
  std::string state;
};
std::vector<DeviceRow> rows_of(const device::DeviceSet& set);

// Every value of one.
void print_device(std::ostream& out, const Style& style, const device::Device& device);

// PCI configuration space as lspci -xxxx prints it and lspci -F reads it.
void print_config(std::ostream& out, const device::Device& device);

// [{path, kind, bus, name, parent, members, identity, state, config}]. A value is {value, from, presence}, an
// identity's with its strength too; several values of one name are an array.
Json json_of_devices(const device::DeviceSet& set);

// What is not the same, as a table with reasons, and how many are. Nothing but numbers when nothing has
// changed.
void print_comparison(std::ostream& out, const Style& style, const device::DeviceSet& a,
                      const device::DeviceSet& b, const device::Comparison& comparison);

// {same, moved, replaced, absent, new, ambiguous, unproven, unknown_driver}: each an array of {a, b, name,
// kind, reason, looks_alike, candidates}
Json json_of_comparison(const device::DeviceSet& a, const device::DeviceSet& b,
                        const device::Comparison& comparison);

}  // namespace hib::report
