// What opening an image tells, before any page is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/pages.h"

namespace hib {

enum class Severity { Note, Warning, Error };

std::string_view name_of(Severity severity);  // "warning", as in documents

// Something worth saying that did not stop the reader.
struct Finding {
  std::string code;  // stable, for scripts: "absent-pages"
  Severity severity = Severity::Note;
  std::optional<std::uint64_t> offset;
  std::string text;
};

using PfnRange = std::pair<Pfn, std::uint64_t>;  // first, count

// A broken place and what it costs.
struct Damage {
  Error error;
  std::vector<PfnRange> lost_pfns;
  bool anywhere = false;  // some page has changed, and nothing tells which
};

struct KernelIdentity {
  std::optional<std::string> release;  // uname -r
  std::optional<std::string> version;  // uname -v
  std::optional<std::string> machine;  // uname -m
};

struct FoundIn {
  std::string name;   // stable, for scripts: "gzip", "qcow2", "nbd"
  std::string title;  // for people
};

enum class ImageState {
  Unknown,     // not told yet
  Complete,    // all of what its format holds
  Incomplete,  // its end is missing
  Armed,       // a hibernation image: the next boot resumes from it
  Consumed,    // a hibernation image: a kernel has tried, and has taken the signature away
  None,        // a swap area without an image
};

std::string_view name_of(ImageState state);  // "armed", as in documents

struct ImageInfo {
  std::string format;   // contract: "hib", "elf", "kdump", "lime", "raw"
  std::string variant;  // "flattened", "ELF64 with 3 PT_LOAD segments": for people
  std::string path;
  std::uint64_t file_bytes = 0;
  std::vector<FoundIn> found_in;  // outermost first: what the image was taken out of
  ImageState state = ImageState::Complete;
  std::string codec = "none";
  std::uint32_t page_size = 4096;

  // As the image represents them: a format without a mark for zero pages holds them as data. All 0 where no
  // page can be read.
  bool pages_are_known = true;
  PageCounts pages;
  bool gaps_may_be_memory =
      false;        // between the runs: the format does not tell what was not saved from no memory
  Pfn end_pfn = 0;  // one past the last page that is not a hole
  std::optional<std::uint64_t> swap_offset;  // hibernation image in a swap area: the page with its header
  bool is_encrypted = false;                 // a passphrase opens it
  bool is_incremental = false;               // over another image, its base

  KernelIdentity kernel;
  std::string integrity_algorithm = "none";
  std::string_view integrity_of = {};  // what integrity_value is a hash of; empty: the pages
  std::string integrity_value;
  std::optional<std::string> content_digest;                 // where the image itself carries it
  std::vector<std::pair<std::string, std::string>> details;  // what only this format has: name, text
  std::vector<Finding> findings;
  std::vector<Damage> damage;  // found while opening

  bool has_finding(std::string_view code) const;
};

}  // namespace hib
