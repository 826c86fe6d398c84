// What the options of a verb allow: values, and which of them go together. Nothing that was given is passed
// over in silence.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "lib/base/error.h"
#include "lib/image/format.h"

namespace hib::cli {

using OptionNames = std::initializer_list<const char*>;

// --format. To be called when the verb has its operands.
void add_format_option(CLI::App& verb, std::string& value, const Formats& formats);

// How many images the operands name, at least one. To be asked when all of them were read.
std::size_t images_given(const CLI::App& verb);

// The option takes one of these values.
void take_one_of(CLI::Option& option, std::vector<std::string> values);
// The option takes any value; these are the ones that a shell offers.
void offer(CLI::Option& option, const std::vector<std::string>& values);
// The values that an option takes or offers; empty: any.
std::vector<std::string> values_of(CLI::Option& option);

// The option takes a whole number from `low` to `high`.
void take_from_to(CLI::Option& option, std::int64_t low, std::int64_t high);

// Options that say something only together with another one.
Result<void> only_with(const CLI::App& verb, const char* needed, OptionNames options);

// At most one of `option` and the others.
Result<void> not_with(const CLI::App& verb, const char* option, OptionNames others);

}  // namespace hib::cli
