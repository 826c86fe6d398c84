#include "lib/report/processor.h"

#include <optional>

#include "lib/base/text.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

std::optional<jump::Processor> processor_of(const Side& side) {
  if (!side.image) return std::nullopt;
  const Record* record = find_record(side.image->records(), jump::kProcessorRecord);
  if (record == nullptr) return std::nullopt;
  auto processor = jump::decode_processor_record(*record);
  if (!processor) return std::nullopt;
  return std::move(*processor);
}

}  // namespace

Json json_of_processor(const std::vector<jump::ProcessorDifference>& differences) {
  Json document = Json::array();
  for (const jump::ProcessorDifference& difference : differences)
    document.push_back(
        {{"what", difference.what}, {"expected", difference.expected}, {"found", difference.found}});
  return document;
}

std::optional<std::vector<jump::ProcessorDifference>> processor_differences(const Side& before,
                                                                            const Side& now) {
  const auto a = processor_of(before);
  const auto b = processor_of(now);
  if (!a || !b) return std::nullopt;
  return jump::compare_processors(*a, *b);
}

void print_processor(std::ostream& out, const std::vector<jump::ProcessorDifference>& differences,
                     const Side& before, const Side& now) {
  if (differences.empty()) {
    out << "the processor of " << now.path << " has all that the one of " << before.path << " has\n";
    return;
  }
  out << "the machine of " << before.path << " could not go on on the processor of " << now.path << ":\n";
  for (const jump::ProcessorDifference& difference : differences) {
    out << "  " << difference.what << ": " << difference.found << ", expected " << difference.expected
        << "\n";
  }
}

}  // namespace hib::report
