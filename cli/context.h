// What every verb is given: the formats, the options that verbs share, and where to print.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/run.h"
#include "lib/base/error.h"
#include "lib/image/format.h"
#include "lib/ops/pipeline.h"
#include "lib/report/json.h"
#include "lib/report/progress.h"
#include "lib/report/style.h"

namespace hib::cli {

// The contract with scripts: one table for all verbs.
enum ExitCode : int {
  kDone = 0,
  kNo = 1,
  kCouldNot = 2,
  kPartial = 3,
  kRefused = 4,
  kAuthentication = 5,
  kUsage = 64,
  kSignal = 128,
};

int exit_code(ErrorKind kind);  // the only map from an error to an exit code

struct CommonOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool no_pager = false;
  std::string colours = "auto";
  std::string progress = "auto";
  unsigned threads = 0;
  std::string formats;  // "NAME" or "NAME,NAME"
  std::string base_address;
  std::string page_size;
  std::string base_image;
  std::string swap_offset;
  std::string places;  // "BLOCK" or "BLOCK,auto"
  std::string passphrase_file;
  bool salvage = false;
};

class Context {
 public:
  Context(const Formats& all, const CommonOptions& common, const Streams& io)
      : formats(all),
        options(common),
        streams(io),
        out_style(io.out_is_terminal, colours_of(common)),
        err_style(io.err_is_terminal, colours_of(common)) {}

  const Formats& formats;
  const CommonOptions& options;
  const Streams& streams;
  report::Style out_style;
  report::Style err_style;
  bool one_line_documents = false;

  // Opens input number `position` of the command line; an image with damage is refused without --salvage.
  Result<std::unique_ptr<ImageReader>> open(const std::string& path, std::size_t position = 0) const;
  // The same, but damage is for the caller to see.
  Result<std::unique_ptr<ImageReader>> open_for_look(const std::string& path, bool salvage,
                                                     std::size_t position = 0) const;
  // The same, for who needs few pages or none: the base of an incremental image may be missing.
  Result<std::unique_ptr<ImageReader>> open_without_base(const std::string& path,
                                                         std::size_t position = 0) const;
  Result<OpenOptions> open_options(std::size_t position = 0) const;
  std::string format_for(std::size_t position) const;
  Result<std::optional<std::uint64_t>> swap_offset() const;
  // An option that none of these images, which are all of the command, uses is an error.
  Result<void> refuse_unused_options(const std::vector<ImageInfo>& images) const;

  // Prints the error (a line for people; with --json a document too) and returns its exit code.
  int report(const Error& error) const;
  void note(const std::string& text) const;    // not with --quiet
  void detail(const std::string& text) const;  // only with --verbose
  void line(const std::string& text) const;    // on stderr, as an error is
  void document(const report::Json& json) const {
    (one_line_documents ? report::print_json_line : report::print_json)(streams.out, json);
  }
  // The same, for a verb that prints many documents: JSON Lines.
  Context with_lines_of_json() const {
    Context lines = *this;
    lines.one_line_documents = true;
    return lines;
  }
  bool shows_text() const { return !options.json && !options.quiet; }
  // What is no text: it goes out as it is.
  std::ostream& bytes() const { return streams.bytes != nullptr ? *streams.bytes : streams.out; }
  // A line on a terminal, or documents; it lives as long as the callback.
  ProgressCallback progress(std::string what) const;
  // One for each step of a longer work.
  report::StepProgress progress_in_steps() const;

 private:
  static report::Colours colours_of(const CommonOptions& options);
};

void add_common_options(CLI::App& verb, CommonOptions& options);
// Options of every verb that reads an image.
void add_input_options(CLI::App& verb, CommonOptions& options, const Formats& formats);

}  // namespace hib::cli
