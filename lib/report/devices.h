// Devices for people and scripts.
#pragma once

#include <cstddef>
#include <optional>
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

// The same tree as rows, each below the one that it hangs from.
struct DeviceRow {
  std::size_t depth = 0;
  std::optional<std::size_t> above;  // its row; nothing: it is a root
  std::string name;
  std::string kind;
  std::string what;
  std::string size;
  std::string id;     // what proves most that it is this one
  std::string state;  // driver, mount points
};
std::vector<DeviceRow> rows_of(const device::DeviceSet& set, bool numeric = false);

// Every value of one.
void print_device(std::ostream& out, const Style& style, const device::Device& device);

// PCI configuration space as lspci -xxxx prints it and lspci -F reads it.
void print_config(std::ostream& out, const device::Device& device);

// [{path, kind, bus, name, parent, members, identity, state, config}]. A value is {value, from, presence}, an
// identity's with its strength too; several values of one name are an array.
Json json_of_devices(const device::DeviceSet& set);

// "the devices differ", and "12 same, 1 moved".
std::string comparison_headline(const device::Comparison& comparison);
std::string comparison_counts(const device::Comparison& comparison);

// What is not the same.
struct ComparisonRow {
  std::string verdict;
  std::string kind;
  std::string before;  // empty: it was not there
  std::string now;     // several, with "|" between them, where it cannot be told which
  std::string why;
};
std::vector<ComparisonRow> changes_of(const device::DeviceSet& a, const device::DeviceSet& b,
                                      const device::Comparison& comparison);

// What is not the same, as a table with reasons, and how many are. Nothing but numbers when nothing has
// changed.
void print_comparison(std::ostream& out, const Style& style, const device::DeviceSet& a,
                      const device::DeviceSet& b, const device::Comparison& comparison);

// {same, moved, replaced, absent, new, ambiguous, unproven, unknown_driver}: each an array of {a, b, name,
// kind, reason, looks_alike, candidates}
Json json_of_comparison(const device::DeviceSet& a, const device::DeviceSet& b,
                        const device::Comparison& comparison);

}  // namespace hib::report
