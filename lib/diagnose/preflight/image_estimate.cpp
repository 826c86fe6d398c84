#include "lib/diagnose/preflight/image_estimate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace hib::diagnose {
namespace {

constexpr std::uint64_t kUsualPageBytes = 4096;
constexpr std::uint64_t kPagesForIo = 4U << 20;  // PAGES_FOR_IO, in bytes
constexpr double kStandardErrors = 2;            // of the mean: 95 % of all samples

std::uint64_t less(std::uint64_t from, std::uint64_t bytes) { return from - std::min(from, bytes); }

std::uint64_t page_bytes_of(const PreflightFacts& facts) {
  return facts.memory_sample ? facts.memory_sample->page_bytes
                             : facts.configuration.kernel.page_bytes.value_or(kUsualPageBytes);
}

// What the kernel can take out of memory before it makes the image: it drops files, and swaps out the rest.
struct Droppable {
  std::uint64_t files = 0;
  std::uint64_t anonymous = 0;
};

Droppable droppable_of(const boot::KernelState& kernel) {
  const auto memory = [&](const char* name) { return kernel.memory_of(name); };
  Droppable droppable;
  droppable.files = memory("Active(file)") + memory("Inactive(file)") + memory("SReclaimable");
  droppable.anonymous = memory("Active(anon)") + memory("Inactive(anon)");
  return droppable;
}

std::uint64_t free_swap_of(const PreflightFacts& facts) {
  std::uint64_t free = 0;
  for (const boot::SwapArea& area : facts.configuration.swap.areas) {
    if (area.is_active) free += area.free_bytes();
  }
  return free;
}

// By the counters of /proc/meminfo alone: roughly.
void estimate_by_counters(const boot::KernelState& kernel, ImageEstimate& estimate) {
  const auto memory = [&](const char* name) { return kernel.memory_of(name); };
  estimate.in_use = less(estimate.total, memory("MemFree"));
  const std::uint64_t files = memory("Buffers") + less(memory("Cached"), memory("Shmem"));
  estimate.stuck = less(estimate.in_use, files + memory("SReclaimable"));
  estimate.image.likely = std::clamp(std::max(estimate.image_size, estimate.stuck), estimate.stuck,
                                     std::max(estimate.in_use, estimate.stuck));
  estimate.image.least = estimate.stuck;
  estimate.image.most = estimate.in_use;
}

// The kernel frees memory down to image_size, and never keeps more than half of it. It counts the free pages
// that processors keep at hand as if they were used, so it ends with as much less; or with more than it
// wanted: what it could not free.
void estimate_by_sample(const PreflightFacts& facts, ImageEstimate& estimate) {
  const MemorySample& sample = *facts.memory_sample;
  const Droppable droppable = droppable_of(facts.configuration.kernel);
  estimate.in_use = sample.saved_pages() * sample.page_bytes;
  const std::uint64_t used = sample.used_pages * sample.page_bytes;
  estimate.stuck = less(estimate.in_use, droppable.files);
  const std::uint64_t swappable = std::min(droppable.anonymous, free_swap_of(facts));
  const std::uint64_t minimum = less(estimate.in_use, droppable.files + swappable);
  const std::uint64_t half = less(used + facts.configuration.kernel.memory_of("MemFree"), kPagesForIo) / 2;
  const std::uint64_t wanted = std::min(estimate.image_size, half);
  if (wanted >= used) {
    estimate.image = {estimate.in_use, estimate.in_use, estimate.in_use};
    return;
  }
  estimate.image.likely = estimate.image.least =
      std::min(std::max(less(wanted, used - estimate.in_use), minimum), estimate.in_use);
  estimate.image.most = std::max(estimate.image.likely, std::min(estimate.in_use, half));
}

struct Spread {
  double mean = 1;   // bytes on the disk for each byte of memory
  double error = 0;  // of the mean
};

Spread spread_of(std::span<const std::uint64_t> units, double unit_bytes) {
  const double count = static_cast<double>(units.size());
  Spread spread;
  spread.mean = std::accumulate(units.begin(), units.end(), 0.0) / count / unit_bytes;
  double squares = 0;
  for (const std::uint64_t unit : units)
    squares += std::pow(static_cast<double>(unit) / unit_bytes - spread.mean, 2);
  // One unit says nothing of how far others are from it: anything up to its own size.
  spread.error = units.size() > 1 ? std::sqrt(squares / (count - 1) / count) : spread.mean;
  return spread;
}

// A part of memory is saved, and nobody knows which: at the least, the units that compress best.
Bounds area_bytes_of(const MemorySample& sample, std::uint64_t saved) {
  const double unit_bytes = static_cast<double>(sample.page_bytes * kUnitPages);
  const std::span<const std::uint64_t> units(sample.units);
  const double used = static_cast<double>(std::max<std::uint64_t>(sample.used_pages * sample.page_bytes, 1));
  const double share = static_cast<double>(saved) / used;
  const auto part = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::ceil(share * static_cast<double>(units.size()))), 1, units.size());
  const Spread all = spread_of(units, unit_bytes);
  const Spread best = spread_of(units.first(part), unit_bytes);
  const Spread worst = spread_of(units.last(part), unit_bytes);
  const auto bytes = [&](double ratio) {
    return static_cast<std::uint64_t>(static_cast<double>(saved) * std::max(ratio, 0.0));
  };
  const double error = kStandardErrors * all.error;
  return {bytes(best.mean - error), bytes(all.mean), bytes(worst.mean + error)};
}

// Info page, PFN list (eight bytes a page, hardly smaller when compressed), and a map page for every 511
// others.
std::uint64_t with_lists(std::uint64_t bytes, std::uint64_t saved, std::uint64_t page_bytes) {
  const std::uint64_t list = saved / page_bytes * 8;
  const std::uint64_t blocks = bytes + list + page_bytes;
  return blocks + blocks / (page_bytes / 8 - 1) + page_bytes;
}

Bounds area_of(const PreflightFacts& facts, const ImageEstimate& estimate) {
  const std::uint64_t page_bytes = page_bytes_of(facts);
  const Droppable droppable = droppable_of(facts.configuration.kernel);
  const auto bytes_of = [&](std::uint64_t saved) {
    if (!is_compressed(facts) || !facts.memory_sample) return Bounds{saved, saved, saved};
    return area_bytes_of(*facts.memory_sample, saved);
  };
  // What is not kept in memory is dropped, or lies in swap, uncompressed.
  const auto swapped_out = [&](std::uint64_t saved) {
    const std::uint64_t gone = less(estimate.in_use, saved);
    const std::uint64_t all = std::max<std::uint64_t>(droppable.files + droppable.anonymous, 1);
    const double share = static_cast<double>(droppable.anonymous) / static_cast<double>(all);
    return Bounds{less(gone, droppable.files), static_cast<std::uint64_t>(static_cast<double>(gone) * share),
                  std::min(gone, droppable.anonymous)};
  };
  const auto need = [&](std::uint64_t saved, std::uint64_t Bounds::*bound) {
    return with_lists(bytes_of(saved).*bound, saved, page_bytes) + swapped_out(saved).*bound;
  };
  const Bounds& image = estimate.image;
  return {std::min(need(image.least, &Bounds::least), need(image.most, &Bounds::least)),
          need(image.likely, &Bounds::likely),
          std::max(need(image.least, &Bounds::most), need(image.most, &Bounds::most))};
}

}  // namespace

bool is_compressed(const PreflightFacts& facts) {
  const auto running = facts.configuration.settings_of(boot::Origin::RunningCommandLine);
  return running.empty() || running.front()->line.hibernate != "nocompress";
}

std::optional<ImageEstimate> estimate_image(const PreflightFacts& facts) {
  const boot::KernelState& kernel = facts.configuration.kernel;
  ImageEstimate estimate;
  estimate.total = kernel.memory_of("MemTotal");
  if (estimate.total == 0) return std::nullopt;
  estimate.image_size = kernel.image_size.value_or(estimate.total * 2 / 5);
  if (facts.memory_sample) {
    estimate_by_sample(facts, estimate);
    estimate.area = area_of(facts, estimate);
  } else {
    estimate_by_counters(kernel, estimate);
  }
  if (!is_compressed(facts)) estimate.wanted_at_start = estimate.image.likely + kPagesForIo;
  return estimate;
}

}  // namespace hib::diagnose
