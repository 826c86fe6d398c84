#include "cli/each_image.h"

#include <algorithm>
#include <iterator>

#include "lib/base/text.h"
#include "lib/os/files_below.h"

namespace hib::cli {
namespace {

int worse(int a, int b) {
  static constexpr int kOrder[] = {kDone, kNo, kPartial, kAuthentication, kRefused, kCouldNot, kUsage};
  const auto rank = [](int code) { return std::find(std::begin(kOrder), std::end(kOrder), code); };
  return rank(a) < rank(b) ? b : a;  // a signal is in no list, and worst
}

}  // namespace

bool is_list(const std::vector<std::string>& operands) {
  return operands.size() > 1 || is_folder(operands[0]);
}

int for_each_image(const Context& context, const std::vector<std::string>& operands,
                   const LookAtImage& look) {
  int worst = kDone;
  std::uint64_t passed_over = 0;
  const auto take = [&](int code) {
    worst = worse(worst, code);
    return worst < kSignal;
  };
  for (std::size_t i = 0; i < operands.size() && worst < kSignal; ++i) {
    const bool is_in_folder = is_folder(operands[i]);
    const auto look_at = [&](const std::string& path) {
      const auto code = look(path, i);
      if (code) return take(*code);
      if (!is_in_folder || code.error().kind != ErrorKind::NotRecognised)
        return take(context.report(code.error()));
      ++passed_over;
      return true;
    };
    const auto unreadable = [&](const Error& error) { return take(context.report(error)); };
    if (is_in_folder)
      visit_files_below(operands[i], {look_at, unreadable});
    else
      look_at(operands[i]);
  }
  if (passed_over > 0)
    context.note(counted(passed_over, "file") + " passed over: no image that is recognised");
  return worst;
}

}  // namespace hib::cli
