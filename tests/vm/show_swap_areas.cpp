// What the kernel in an image says of its swap areas, and what it costs to ask: for tests of real images.
// show_swap_areas IMAGE
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "format/registry.h"
#include "lib/base/text.h"
#include "lib/memory/kernel.h"
#include "lib/memory/swap_areas.h"

using namespace hib;
using namespace hib::memory;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string shown(const std::optional<std::string>& text) { return text ? printable(*text) : "?"; }

void show_runs(const char* name, const SlotRuns& runs) {
  for (const SlotRun& run : runs) fmt::print("{} {} {}\n", name, run.first, run.count);
}

void show_area(const SwapArea& area) {
  fmt::print("area type={} slots={} pages={} inuse={} others_in_zswap={}\n", area.type, area.slots,
             area.pages, area.inuse_pages, area.others_in_zswap ? 1 : 0);
  fmt::print("path {}\ndevice {}\ndisk {}\nkind {}\n", shown(area.path), shown(area.device), shown(area.disk),
             area.is_file   ? "file"
             : area.is_zram ? "zram"
                            : "device");
  show_runs("used", area.used);
  show_runs("zero", area.zero_slots);
  show_runs("cached", area.cached_slots);
  show_runs("zswap", area.zswap_slots);
}

// What each part costs, on an image that nothing was read of yet.
Result<void> show_cost(const char* path) {
  TRY(const auto image, formats().open(path, "", {}));
  const auto start = Clock::now();
  TRY(const AddressSpace space, AddressSpace::open(*image));
  TRY(const Symbols symbols, Symbols::read(space));
  fmt::print("cost {} symbols {:.3f} s {} pages\n", symbols.count(), seconds_since(start),
             space.pages_read());
  TRY(const Types types, Types::read(space, symbols));
  fmt::print("cost {} types {:.3f} s {} pages\n", types.count(), seconds_since(start), space.pages_read());
  return {};
}

Result<void> show(const char* path) {
  TRY_OK(show_cost(path));
  TRY(const auto image, formats().open(path, "", {}));
  const auto start = Clock::now();
  TRY(const auto areas, swap_areas(*image));
  fmt::print("cost swap_areas {:.3f} s\n", seconds_since(start));
  for (const SwapArea& area : areas) show_area(area);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (auto all = show(argv[1]); !all) {
    fmt::print(stderr, "{}\n", all.error().line());
    return 1;
  }
  return 0;
}
