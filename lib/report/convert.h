// What create and restore say of a conversion.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "lib/ops/convert.h"
#include "lib/report/json.h"

namespace hib::report {

void print_convert(std::ostream& out, const ConvertRequest& request, const ConvertReport& report);

// What the reader must know beside the numbers: pages that are lost, or that only seem to be zero. For
// stderr.
std::vector<std::string> notes_of(const ConvertRequest& request, const ConvertReport& report);

// "hibtool.create", "hibtool.restore": `verb`.
Json json_of_convert(const std::string& verb, const ConvertRequest& request, const ConvertReport& report);

}  // namespace hib::report
