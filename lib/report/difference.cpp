#include "lib/report/difference.h"

#include "lib/report/devices.h"
#include "lib/report/processor.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

Json json_of_side(const Side& side) { return {{"path", side.path}, {"format", side.format}}; }

// The same shape as with memory.
Json without_memory(const Side& before, const Side& now) {
  Json document = json_document("diff");
  document["a"] = json_of_side(before);
  document["b"] = json_of_side(now);
  document["identical"] = false;
  document["pages"] = nullptr;
  document["ranges"] = nullptr;
  return document;
}

}  // namespace

Json json_of_difference(const Difference& difference, const Side& before, const Side& now) {
  Json document = difference.memory
                      ? json_of_diff(*difference.memory, before.image->info(), now.image->info())
                      : without_memory(before, now);
  document["identical"] = difference.identical();
  // A side without records: the same shape, and nothing in it.
  document["devices_compared"] = difference.devices.has_value();
  document["devices"] = difference.devices
                            ? json_of_comparison(*before.devices, *now.devices, *difference.devices)
                            : json_of_comparison({}, {}, {});
  const auto processor = processor_differences(before, now);
  document["processor_compared"] = processor.has_value();
  document["processor"] = json_of_processor(processor.value_or(std::vector<jump::ProcessorDifference>()));
  return document;
}

void print_difference(std::ostream& out, const Style& style, const Difference& difference, const Side& before,
                      const Side& now) {
  if (difference.memory) {
    print_diff(out, style, *difference.memory, before.image->info(), now.image->info());
  } else {
    print_sides(out, before.path, before.format, now.path, now.format);
  }
  if (const auto processor = processor_differences(before, now))
    print_processor(out, *processor, before, now);
  if (difference.devices) {
    print_comparison(out, style, *before.devices, *now.devices, *difference.devices);
  } else if (before.devices || now.devices) {
    out << "devices are not compared: " << (before.devices ? now.path : before.path)
        << " has no records of them\n";
  } else {
    out << "devices are not compared: neither side has records of them\n";
  }
}

}  // namespace hib::report
