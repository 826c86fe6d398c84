// A verb: what it parses, and what it does with it. One file each, and one row in verbs.cpp.
#pragma once

#include <memory>
#include <span>

#include <CLI/CLI.hpp>

#include "cli/context.h"

namespace hib::cli {

class Verb {
 public:
  virtual ~Verb() = default;
  virtual void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) = 0;
  virtual int run(const Context& context) const = 0;  // the exit code
};

struct VerbRow {
  const char* name;
  const char* summary;
  std::unique_ptr<Verb> (*make)();
  bool is_paged = false;   // it prints text to be read at leisure
  bool is_hidden = false;  // --help and messages do not name it
};

std::span<const VerbRow> verbs();

}  // namespace hib::cli
