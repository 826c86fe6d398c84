// What the kernel in an image says of its swap areas, and what it costs to ask: for tests of real images.
// show_swap_areas IMAGE
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "format/registry.h"
#include "lib/base/text.h"
#include "lib/memory/kernel.h"
#include "lib/memory/path.h"
#include "lib/memory/swap_areas.h"

using namespace hib;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string shown(const std::optional<std::string>& text) { return text ? printable(*text) : "?"; }

Result<void> show(const char* path) {
  TRY(const auto image, formats().open(path, "", {}));
  auto start = Clock::now();
  TRY(const memory::AddressSpace space, memory::AddressSpace::open(*image));
  TRY(const memory::Symbols symbols, memory::Symbols::read(space));
  fmt::print("symbols {} rule {} {:.3f} s, {} pages\n", symbols.count(), static_cast<int>(symbols.offsets()),
             seconds_since(start), space.pages_read());
  TRY(const memory::Types types, memory::Types::read(space, symbols));
  fmt::print("types {} {:.3f} s, {} pages\n", types.count(), seconds_since(start), space.pages_read());
  TRY(const auto fresh, formats().open(path, "", {}));
  start = Clock::now();
  TRY(const auto areas, memory::swap_areas(*fresh));
  fmt::print("swap_areas {:.3f} s\n", seconds_since(start));
  for (const memory::SwapArea& area : areas) {
    fmt::print("type {} slots {} pages {} inuse {} used {} in {} runs, bad {} zero {} cached {} zswap {}{}\n",
               area.type, area.slots, area.pages, area.inuse_pages, memory::slot_count(area.used),
               area.used.size(), memory::slot_count(area.bad), memory::slot_count(area.zero_slots),
               memory::slot_count(area.cached_slots), memory::slot_count(area.zswap_slots),
               area.others_in_zswap ? " and others" : "");
    fmt::print("path {} device {} disk {}{}{}\n", shown(area.path), shown(area.device), shown(area.disk),
               area.is_file ? " file" : "", area.is_zram ? " zram" : "");
    for (const auto& [name, runs] : {std::pair("used", &area.used), std::pair("zero", &area.zero_slots),
                                     std::pair("cached", &area.cached_slots)})
      for (const memory::SlotRun& run : *runs) fmt::print("{} {} {}\n", name, run.first, run.count);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (auto shown_all = show(argv[1]); !shown_all) {
    fmt::print(stderr, "{}\n", shown_all.error().line());
    return 1;
  }
  return 0;
}
