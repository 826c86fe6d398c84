// What the pages of the post-mortem and of the pre-flight have in common.
#pragma once

#include <vector>

#include "lib/diagnose/cause.h"
#include "lib/report/html.h"

namespace hib::report {

// What a hostile input can make of a page has an end; --json lists all.
inline constexpr std::size_t kMostRows = 1000;  // of a table
inline constexpr std::size_t kMostEvidence = 200;

void left_out(Html& html, std::size_t all, std::size_t shown);  // says so, where something was
void add_advice(Html& html, const diagnose::Advice& advice);
void add_evidence(Html& html, const std::vector<diagnose::Evidence>& evidence);
void add_footer(Html& html, std::string_view verb, bool is_masked);

}  // namespace hib::report
