// Causes, evidence and advice as documents and lines: what the post-mortem and the pre-flight have in common.
#pragma once

#include <string>
#include <string_view>

#include "lib/diagnose/cause.h"
#include "lib/report/json.h"

namespace hib::report {

// Below a report that was masked.
inline constexpr std::string_view kMaskedLine =
    "masked: names, ids and addresses are pseudonyms; commands have to be filled in";

// "TEXT (FILE): COMMAND", of what there is.
std::string advice_line(const diagnose::Advice& advice);
// "/etc/crypttab at 0x1f, 2026-11-27 20:26:18.123 UTC"
std::string place_of(const diagnose::Evidence& evidence);
// The same without the file; empty where nothing more is known.
std::string place_inside(const diagnose::Evidence& evidence);
// What was found, fit to be shown: a tab, which columns of a file have, is a space.
std::string evidence_text(const diagnose::Evidence& evidence);

Json json_of_advice(const diagnose::Advice& advice);
Json json_of_evidence(const diagnose::Evidence& evidence);
Json text_or_null(const std::string& text);

}  // namespace hib::report
