#include "lib/report/completion.h"

#include <algorithm>

namespace hib::report {

const CompletedOption* completed_operand(const CompletedVerb& verb) {
  if (verb.operands.empty()) return nullptr;
  const auto file = std::find_if(verb.operands.begin(), verb.operands.end(),
                                 [](const CompletedOption& each) { return each.by == Completed::Files; });
  return file == verb.operands.end() ? &verb.operands.back() : &*file;
}

}  // namespace hib::report
