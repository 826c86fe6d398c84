// What all pages have in common.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/diagnose/cause.h"
#include "lib/image/info.h"
#include "lib/report/html/writer.h"

namespace hib::report {

// What a hostile input can make of a page has an end; --json lists all.
inline constexpr std::size_t kMostRows = 1000;  // of a table
inline constexpr std::size_t kMostEvidence = 200;
inline constexpr std::size_t kMostDamage = 20;  // in words
inline constexpr std::size_t kMostMarks = 400;  // in a picture

inline constexpr double kWidth = 1000;   // of a picture, in its own units
std::string px(double value);            // of a picture
std::string colour(std::size_t number);  // the class of colour `number`; there are twelve

// A part of the page with its title. `name` is its id; of what a page may have twice, its class.
class Section {
 public:
  Section(Html& html, std::string_view name, std::string_view title, const char* named_by = "id");

 private:
  Element element_;
};

void add_chip(Html& html, std::string_view tone, std::string_view text);

void left_out(Html& html, std::size_t all, std::size_t shown);  // says so, where something was

// The columns of a table; one whose name begins with "#" is of numbers.
void add_heads(Html& html, std::initializer_list<const char*> heads);
void add_number(Html& html, std::uint64_t number);  // a cell
void add_size(Html& html, std::uint64_t bytes);     // the same

// Names and values; a value without a name belongs to the one before.
using Facts = std::vector<std::pair<std::string, std::string>>;
void add_facts(Html& html, const Facts& facts);

void add_swatch(Html& html, std::string_view colour, std::string_view name);  // of a legend, in a cell

void add_damage(Html& html, const std::vector<Damage>& damage);
void add_advice(Html& html, const diagnose::Advice& advice);
void add_evidence(Html& html, const std::vector<diagnose::Evidence>& evidence);
void add_footer(Html& html, std::string_view verb, bool is_masked = false);

}  // namespace hib::report
