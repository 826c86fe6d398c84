#include "lib/ops/verify.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/content_digest.h"

namespace hib {
namespace {

Layer pages_layer(const ImageInfo& info, const PipelineResult& result, bool have_checksums) {
  const std::vector<Damage>& whole = result.whole.damage;
  const bool anywhere =
      std::any_of(whole.begin(), whole.end(), [](const Damage& damage) { return damage.anywhere; });
  const std::size_t places = result.damage.size() + (anywhere ? 1 : 0);
  if (anywhere && places == 1) {
    return {"pages", LayerResult::Bad,
            fmt::format("something has changed in the {} pages read, and in which cannot be told",
                        grouped(result.pages.present()))};
  }
  // What leads to the pages may be broken, and another way has led to all of them.
  const std::uint64_t lost = result.pages.unreadable + result.missing_pages;
  if (places > 0 && (anywhere || lost > 0))
    return {"pages", LayerResult::Bad, counted(places, "broken place") + ", " + lost_pages(lost, info)};
  const std::string text = counted(result.pages.present(), "page") + " read";
  if (have_checksums) return {"pages", LayerResult::Ok, text + ", all match their checksums"};
  return {"pages", LayerResult::NotProvable, text + "; the format has no checksum of them"};
}

Layer swapped_layer(const ImageInfo& info, const PipelineResult& result) {
  const std::string name = "swapped-out pages";
  if (!info.content_digest) {
    return {name, LayerResult::NotProvable,
            counted(info.pages.total(), "slot") + "; a swap area has no checksum of them"};
  }
  if (result.swapped.unreadable > 0) {
    return {
        name, LayerResult::Bad,
        fmt::format("{} of {} lost", grouped(result.swapped.unreadable), grouped(result.swapped.total()))};
  }
  const std::string computed = ContentDigest::text(result.swapped_digest);
  if (*info.content_digest != computed)
    return {name, LayerResult::Bad, fmt::format("digest {}, stored is {}", computed, *info.content_digest)};
  return {name, LayerResult::Ok,
          counted(result.swapped.present(), "page") + " read, all match their checksums"};
}

// The copy is whole, and what it is a copy of was not.
Layer salvaged_layer(const Record& record) {
  const auto number = [&](std::string_view name) {
    const std::uint64_t* value = record.number(name);
    return value == nullptr ? 0 : *value;
  };
  return {"source", LayerResult::NotProvable,
          fmt::format("saved with --salvage: {}, {} unreadable, {} missing",
                      counted(number("broken_places"), "broken place"),
                      counted(number("unreadable_pages"), "page"), grouped(number("missing_pages")))};
}

Layer digest_layer(const ImageInfo& info, const PipelineResult& result) {
  const std::string computed = ContentDigest::text(result.content_digest);
  if (!info.content_digest) return {"content digest", LayerResult::NotProvable, "the format stores none"};
  if (*info.content_digest == computed) return {"content digest", LayerResult::Ok, computed};
  return {"content digest", LayerResult::Bad,
          fmt::format("{}, stored is {}", computed, *info.content_digest)};
}

Damage digest_damage(const ImageInfo& info, const PipelineResult& result) {
  return {make_error(ErrorKind::Corrupt, "content digest", ContentDigest::text(result.content_digest),
                     *info.content_digest)
              .of(info.path),
          {},
          true};
}

// A broken place that both the structure and the pages have met.
void add_once(std::vector<Damage>& all, Damage damage) {
  const bool is_known = std::any_of(all.begin(), all.end(), [&](const Damage& one) {
    return one.error.offset == damage.error.offset && one.error.text() == damage.error.text() &&
           (damage.lost_pfns.empty() || damage.lost_pfns == one.lost_pfns);
  });
  if (!is_known) all.push_back(std::move(damage));
}

}  // namespace

bool VerifyReport::acceptable() const {
  return std::none_of(acceptance.begin(), acceptance.end(),
                      [](const Layer& layer) { return layer.result == LayerResult::Bad; });
}

Result<VerifyReport> verify(const ImageReader& image, unsigned threads, const ProgressCallback& progress,
                            const std::function<void(const PageBatch&)>& look_at) {
  StructureCheck structure = image.check_structure();
  PipelineOptions options;
  options.threads = threads;
  options.salvage = true;
  const ImageReader* swapped = image.swapped_pages();
  options.with_swapped = swapped != nullptr && swapped->info().content_digest;  // else nothing proves them
  options.hashes_only = !look_at;
  options.progress = progress;
  if (look_at) {
    options.inspect = [&](const PageBatch& batch) -> Result<void> {
      look_at(batch);
      return {};
    };
  }
  TRY(PipelineResult result, run_pipeline(image, nullptr, options));

  VerifyReport report;
  report.layers = std::move(structure.layers);
  report.layers.push_back(pages_layer(image.info(), result, structure.pages_have_checksums));
  if (swapped != nullptr) {
    report.layers.push_back(swapped_layer(swapped->info(), result));
    report.swapped = options.with_swapped ? result.swapped : swapped->info().pages;
  }
  for (Layer& layer : result.whole.layers) report.layers.push_back(std::move(layer));
  report.firmware_map = std::move(result.whole.firmware_map);
  const Record* salvaged = find_record(image.records(), kSalvagedRecord);
  if (salvaged != nullptr) report.layers.push_back(salvaged_layer(*salvaged));
  report.layers.push_back(digest_layer(image.info(), result));
  const bool digest_is_bad = report.layers.back().result == LayerResult::Bad;
  report.damage = std::move(structure.damage);
  for (Damage& damage : result.all_damage()) add_once(report.damage, std::move(damage));
  if (digest_is_bad && report.damage.empty()) report.damage.push_back(digest_damage(image.info(), result));
  report.pages = result.pages;
  report.content_digest = result.content_digest;

  const auto has = [&](LayerResult wanted) {
    return std::any_of(report.layers.begin(), report.layers.end(),
                       [&](const Layer& l) { return l.result == wanted; });
  };
  const bool is_provable =
      structure.pages_have_checksums && !structure.has_unknown_parts && salvaged == nullptr;
  report.verdict = has(LayerResult::Bad) || !report.damage.empty() ? Verdict::Damaged
                   : is_provable                                   ? Verdict::Good
                                                                   : Verdict::Unverifiable;
  return report;
}

}  // namespace hib
