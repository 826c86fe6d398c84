#include "format/kdump/parts.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace hib::kdump {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFilesBeside = 10000;

// The first header of all parts is the same, with the time when they were made.
bool is_same_dump(const DumpFile& a, const DumpFile& b) {
  const auto of = [](const DumpFile& dump) { return dump.read_at(0, sizeof(Header)); };
  const auto x = of(a);
  const auto y = of(b);
  return x && y && *x == *y;
}

std::unique_ptr<Part> open_beside(const fs::path& path, const Part& opened) {
  std::error_code error;
  if (fs::equivalent(path, opened.dump.file().path(), error)) return nullptr;
  auto file = File::open(path.string());
  if (!file || (*file)->size() < sizeof(Header)) return nullptr;
  auto dump = DumpFile::open(std::move(*file));
  if (!dump || !is_same_dump(*dump, opened.dump)) return nullptr;
  auto headers = decode_headers(*dump);
  if (!headers || !headers->is_part || headers->max_mapnr != opened.headers.max_mapnr) return nullptr;
  return std::make_unique<Part>(std::move(*dump), std::move(*headers));
}

std::vector<fs::path> files_beside(const std::string& path) {
  std::vector<fs::path> files;
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, error);
  for (; !error && entry != fs::directory_iterator() && files.size() < kMaxFilesBeside;
       entry.increment(error)) {
    std::error_code unknown;
    if (entry->is_regular_file(unknown)) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Parts Parts::find(std::unique_ptr<Part> opened) {
  Parts out;
  out.opened_ = opened.get();
  const bool look = opened->headers.is_part && opened->dump.file().path() != "-";
  out.parts_.push_back(std::move(opened));
  if (!look) return out;
  for (const fs::path& path : files_beside(out.opened().dump.file().path())) {
    auto part = open_beside(path, out.opened());
    if (!part || part->start() == part->end()) continue;
    const bool is_new = std::none_of(out.parts_.begin(), out.parts_.end(), [&](const auto& other) {
      return part->start() < other->end() && other->start() < part->end();
    });
    if (is_new) out.parts_.push_back(std::move(part));
  }
  std::sort(out.parts_.begin(), out.parts_.end(), [](const auto& a, const auto& b) {
    return std::pair(a->start(), a->end()) < std::pair(b->start(), b->end());
  });
  return out;
}

void Parts::count_pages(const PageMap& pages) {
  for (const auto& part : parts_) {
    part->first_number = pages.rank(part->start());
    part->pages = pages.rank(part->end()) - part->first_number;
    part->table.count_from(part->first_number);
  }
}

const Part* Parts::of(std::uint64_t number) const {
  const auto it = std::partition_point(parts_.begin(), parts_.end(), [&](const auto& part) {
    return part->first_number + part->pages <= number;
  });
  return it != parts_.end() && number >= (*it)->first_number ? it->get() : nullptr;
}

std::vector<PfnRange> Parts::missing() const {
  std::vector<PfnRange> out;
  Pfn end = 0;
  for (const auto& part : parts_) {
    if (part->start() > end) out.emplace_back(end, part->start() - end);
    end = std::max(end, part->end());
  }
  const Pfn last = opened().headers.max_mapnr;
  if (end < last) out.emplace_back(end, last - end);
  return out;
}

}  // namespace hib::kdump
