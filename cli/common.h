// What all verbs share: their common options, and the only map from an error to an exit code.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/run.h"
#include "cli/style.h"
#include "format/registry.h"
#include "lib/base/error.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

// shared contract with scripts: one table for all verbs.
enum ExitCode : int {
  kDone = 0,
  kNo = 1,
  kCouldNot = 2,
  kPartial = 3,
  kRefused = 4,
  kNoAccess = 5,
  kUsage = 64,
  kSignal = 128,
};

struct CommonOptions {
  bool json = false;
  bool quiet = false;
  unsigned threads = 0;
  std::string formats;  // "NAME" or "NAME,NAME"
  std::string base_address;
  std::string base_image;
  std::string swap_offset;
  std::string passphrase_file;
  bool salvage = false;
};

class Context {
 public:
  Context(const CommonOptions& common, const Streams& io)
      : options(common), streams(io), out_style(io.out_is_terminal), err_style(io.err_is_terminal) {}

  const CommonOptions& options;
  const Streams& streams;
  Style out_style;
  Style err_style;

  // Opens input number `position` of the command line. Without salvage, an image with damage is refused.
  Result<std::unique_ptr<ImageReader>> open(const std::string& path, std::size_t position = 0) const;
  Result<std::unique_ptr<ImageReader>> open_for_look(const std::string& path, bool salvage,
                                                     std::size_t position = 0) const;

  // Prints the error (a line for people; with --json a document too) and returns its exit code.
  int report(const Error& error) const;
  void note(const std::string& text) const;
  std::string format_for(std::size_t position) const;
  bool shows_progress() const { return !options.quiet && !options.json && streams.err_is_terminal; }
};

int exit_code(ErrorKind kind);

// Options of every verb that reads an image.
void add_input_options(CLI::App& verb, CommonOptions& options);
void add_common_options(CLI::App& verb, CommonOptions& options);

// "0x1f3" or "499".
Result<std::uint64_t> parse_number(const std::string& text, const std::string& what);

}  // namespace hib::cli
