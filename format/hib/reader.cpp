#include "format/hib/reader.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "format/hib/swapped.h"
#include "format/hib/walk.h"
#include "lib/base/text.h"
#include "lib/image/content_digest.h"
#include "lib/image/input.h"

namespace hib::hib_image {
namespace {

constexpr std::size_t kChunksPerSalvagedIndex = kBlocksPerIndex;

void count(const std::vector<MapRun>& runs, PageCounts& pages) {
  for (const MapRun& run : runs) {
    switch (run.kind) {
      case MapKind::Zero: pages.zero += run.count; break;
      case MapKind::Absent: pages.absent += run.count; break;
      case MapKind::Unreadable: pages.unreadable += run.count; break;
      case MapKind::Hole: break;
      case MapKind::Stored:
      case MapKind::Equal:
      case MapKind::Fill:
      case MapKind::Base: pages.data += run.count; break;
    }
  }
}

}  // namespace

bool recognise(const FormatHead& head) {
  return head.bytes.size() >= sizeof(kFileMagic) &&
         std::memcmp(head.bytes.data(), kFileMagic, sizeof(kFileMagic)) == 0;
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  TRY(auto reader, Reader::open(std::move(file), options));
  return std::unique_ptr<ImageReader>(std::move(reader));
}

Reader::Reader(std::shared_ptr<const File> file, const OpenOptions& options)
    : file_(std::move(file)),
      salvage_(options.salvage),
      decompressors_([] { return std::make_unique<ZstdDecompressor>(); }),
      buffers_([] { return std::make_unique<std::vector<std::byte>>(); }) {
  info_.format = "hib";
  describe_input(*file_, info_);
  info_.codec = "zstd";
  info_.integrity_algorithm = "xxh3-128";
  info_.integrity_of = "root";
}

Result<std::unique_ptr<Reader>> Reader::open(std::shared_ptr<const File> file, const OpenOptions& options,
                                             unsigned depth) {
  auto reader = std::unique_ptr<Reader>(new Reader(std::move(file), options));
  TRY_OK(reader->read_header());
  auto tail = reader->read_tail();
  if (!tail) reader->salvage_by_walk(std::move(tail).error());
  reader->read_records();
  TRY_OK(reader->open_base(options, depth));
  reader->fill_info();
  reader->slot_hashes_.reserve(reader->file_->size() /
                               sizeof(std::uint64_t));  // an INDEX block holds 8 bytes for each slot
  return reader;
}

Result<void> Reader::read_header() {
  TRY(const auto raw, file_->read_at(0, sizeof(FileHeader)));
  auto header = decode_header(raw);
  if (!header) return fail(std::move(header).error().of(file_->path()));
  header_ = std::move(*header);
  info_.page_size = header_.page_size;
  info_.variant = fmt::format("version {}.{}", header_.version_major, header_.version_minor);
  return {};
}

// COMMIT, then ROOT: the two small reads.
Result<void> Reader::read_tail() {
  TRY(commit_, find_commit());
  TRY(auto root, read_block(*file_, commit_.root_offset, BlockType::Root));
  const auto reject = [&](std::uint64_t offset, const char* where, std::string found, std::string allowed) {
    return fail(file_->error(ErrorKind::Corrupt, offset, where, std::move(found), std::move(allowed)));
  };
  if (!matches(root.block.payload_hash, commit_.root_hash) ||
      root.block.payload_bytes != commit_.root_payload_bytes) {
    return reject(commit_.root_offset, "ROOT: root hash", to_hex(root.block.payload_hash),
                  to_hex(commit_.root_hash) + ", as COMMIT says");
  }
  auto decoded = decode_root(root.payload, root.block.payload_offset(), header_);
  if (!decoded) return fail(std::move(decoded).error().of(file_->path()));
  if (!matches(decoded->header_hash, header_.hash)) {
    return reject(root.block.payload_offset(), "ROOT: file header hash", to_hex(decoded->header_hash),
                  to_hex(header_.hash));
  }
  if (root.block.sequence != decoded->blocks_before) {
    return reject(root.block.offset, "ROOT: blocks before this one", std::to_string(decoded->blocks_before),
                  std::to_string(root.block.sequence));
  }
  root_ = std::move(*decoded);
  has_root_ = true;
  indexes_.resize(root_.indexes.size());
  return {};
}

Result<Commit> Reader::find_commit() {
  if (file_->size() >= header_.first_block + kCommitBytes) {
    auto commit = commit_at(file_->size() - kCommitBytes);
    if (commit && commit->file_bytes == file_->size()) return commit;
    // At the end of a device, or of a copy of one: then the image's own COMMIT is where this one says.
    if (commit && commit->file_bytes < file_->size() &&
        commit->file_bytes >= header_.first_block + kCommitBytes) {
      const auto own = file_->is_block_device() ? commit : commit_at(commit->file_bytes - kCommitBytes);
      if (own && own->file_bytes == commit->file_bytes && own->root_hash == commit->root_hash) {
        lies_on_device_ = true;
        return commit;
      }
    }
  }
  if (const auto commit = commit_before_padding()) return *commit;
  // Written to a device through a pipe, or something was appended: the blocks lead to it.
  const Walk walk = walk_blocks(*file_, header_, {header_.first_block, file_->size(), {}, {}}, false);
  // Only an unbroken chain counts: behind a broken place on a device may lie the end of an image that was
  // there before.
  if (!walk.commit || walk.end != walk.commit->file_bytes || !walk.damage.empty()) {
    return fail(file_
                    ->error(ErrorKind::Truncated, file_->size(), "COMMIT",
                            "none: the image was not written to its end, or its end is damaged",
                            "a commit record as the last block")
                    .advise("--salvage reads what is there"));
  }
  if (!file_->is_block_device()) {
    trailing_bytes_ = file_->size() - walk.end;
    Error error = file_->error(ErrorKind::Corrupt, walk.end, "end of the image",
                               counted(trailing_bytes_, "byte") + " after it", "none");
    info_.findings.push_back({"damage", Severity::Error, error.offset, error.text()});
    info_.damage.push_back({std::move(error), {}});
  }
  return *walk.commit;
}

// A medium of whole sectors has zeros between the end of the image and its own.
std::optional<Commit> Reader::commit_before_padding() const {
  if (file_->size() % kSectorBytes != 0) return std::nullopt;
  const std::uint64_t begin = file_->size() - (kCommitBytes + kSectorBytes);  // a file header is larger
  const auto bytes = file_->read_at(begin, file_->size() - begin);
  if (!bytes) return std::nullopt;
  for (std::uint64_t padding = kBlockAlignment; padding < kSectorBytes; padding += kBlockAlignment) {
    const std::uint64_t end = file_->size() - padding;
    const std::uint64_t offset = end - kCommitBytes;
    if (offset < header_.first_block) break;
    if (std::memcmp(bytes->data() + (offset - begin), kBlockMagic, sizeof(kBlockMagic)) != 0) continue;
    const auto commit = commit_at(offset);
    if (commit && commit->file_bytes == end && all_zero(ByteView(*bytes).last(padding))) return *commit;
  }
  return std::nullopt;
}

Result<Commit> Reader::commit_at(std::uint64_t offset) const {
  TRY(const auto bytes, read_block(*file_, offset, BlockType::Commit));
  return decode_commit(bytes.payload, bytes.block.payload_offset());
}

// Without an index, the PAGES blocks themselves say what they hold.
void Reader::salvage_by_walk(Error reason) {
  info_.state = ImageState::Incomplete;
  info_.findings.push_back({"no-index", Severity::Error, reason.offset, reason.text()});
  info_.damage.push_back({std::move(reason), {}});
  if (!salvage_) return;
  Walk walk = walk_blocks(*file_, header_, {header_.first_block, file_->size(), {}, {}}, true);
  std::move(walk.damage.begin(), walk.damage.end(), std::back_inserter(info_.damage));
  root_.records = std::move(walk.records);
  const auto& chunks = walk.index.chunks;
  for (std::size_t from = 0; from < chunks.size(); from += kChunksPerSalvagedIndex) {
    const std::size_t to = std::min(from + kChunksPerSalvagedIndex, chunks.size());
    auto loaded = std::make_shared<LoadedIndex>();
    loaded->index.first_slot = chunks[from].first_slot;
    for (std::size_t i = from; i < to; ++i) {
      ChunkEntry entry = chunks[i];
      const ByteView map = walk.index.map_of(entry);
      entry.map_position = loaded->index.maps.size();
      loaded->index.maps.insert(loaded->index.maps.end(), map.begin(), map.end());
      loaded->index.chunks.push_back(entry);
    }
    root_.indexes.push_back({0,
                             0,
                             chunks[from].first_pfn,
                             chunks[to - 1].end_pfn() - chunks[from].first_pfn,
                             chunks[from].first_slot,
                             chunks[to - 1].end_slot() - chunks[from].first_slot,
                             {}});
    indexes_.push_back(std::move(loaded));
  }
}

void Reader::read_records() {
  for (const RecordRef& ref : root_.records) {
    auto bytes = ref.payload_bytes > kMaxRecordBytes
                     ? Result<BlockBytes>(fail(file_->error(ErrorKind::Limit, ref.offset, "RECORD",
                                                            fmt::format("{} bytes", ref.payload_bytes),
                                                            fmt::format("at most {}", kMaxRecordBytes))))
                     : read_block(*file_, ref.offset, BlockType::Record);
    if (bytes && !matches(bytes->block.payload_hash, ref.payload_hash)) {
      bytes = fail(file_->error(ErrorKind::Corrupt, ref.offset, "RECORD: payload hash",
                                to_hex(bytes->block.payload_hash), to_hex(ref.payload_hash)));
    }
    auto record = bytes ? decode_record(bytes->payload, bytes->block.payload_offset())
                        : Result<Record>(fail(std::move(bytes).error()));
    if (!record) {
      Error error = std::move(record).error().of(file_->path());
      info_.findings.push_back({"broken-record", Severity::Error, error.offset, error.text()});
      info_.damage.push_back({std::move(error), {}});
      record_names_.emplace_back("broken");
      continue;
    }
    record_names_.push_back(record->type);
    records_.push_back(std::move(*record));
  }
  auto area = file_->read_at(header_.breadcrumb_offset, header_.breadcrumb_bytes);
  auto crumbs = area ? decode_breadcrumbs(*area, header_.breadcrumb_offset)
                     : Result<std::vector<Breadcrumb>>(fail(std::move(area).error()));
  if (crumbs) {
    breadcrumbs_ = std::move(*crumbs);
  } else {
    Error error = std::move(crumbs).error().of(file_->path());
    info_.findings.push_back({"broken-breadcrumbs", Severity::Error, error.offset, error.text()});
    info_.damage.push_back({std::move(error), {}});
  }
}

Error Reader::missing_base(std::string found) const {
  return file_
      ->error(
          ErrorKind::WrongBase, offsetof(FileHeader, base_root), "base", std::move(found),
          fmt::format("\"{}\" with root hash {}", printable(header_.base_name), to_hex(header_.base_root)))
      .advise("--base-image FILE says where it is");
}

Result<void> Reader::open_base(const OpenOptions& options, unsigned depth) {
  if (!header_.has_base()) return {};
  auto base = find_base(options, depth);
  if (base) {
    base_ = std::move(*base);
    return {};
  }
  if (!options.without_base || base.error().kind != ErrorKind::WrongBase)
    return fail(std::move(base).error());
  no_base_ = std::move(base).error();
  info_.findings.push_back({"missing-base", Severity::Warning, no_base_->offset, no_base_->line()});
  return {};
}

Result<std::unique_ptr<Reader>> Reader::find_base(const OpenOptions& options, unsigned depth) const {
  if (depth >= kMaxBaseDepth) {
    return fail(file_->error(ErrorKind::Limit, offsetof(FileHeader, base_root), "base",
                             "another base behind it", fmt::format("at most {} in a row", kMaxBaseDepth)));
  }
  const bool named = !options.base_image.empty() && depth == 0;
  const std::string path =
      named ? options.base_image
            : (std::filesystem::path(file_->path()).parent_path() / header_.base_name).string();
  auto file = open_input(path);
  if (!file) {
    const bool is_gone = file.error().kind == ErrorKind::NotFound;
    return fail(missing_base(is_gone ? path + " is not there" : file.error().line()));
  }
  OpenOptions base_options = options;
  base_options.base_image.clear();
  base_options.without_base = false;
  auto base = Reader::open(std::move(*file), base_options, depth + 1);
  if (!base) {
    if (base.error().kind == ErrorKind::WrongBase) return fail(std::move(base).error());
    return fail(missing_base(base.error().line()));
  }
  if (!(*base)->has_root_) return fail(missing_base(path + " is not whole"));
  if ((*base)->commit_.root_hash != header_.base_root)
    return fail(missing_base(fmt::format("{} has root hash {}", path, to_hex((*base)->commit_.root_hash))));
  if ((*base)->header_.page_size != header_.page_size)
    return fail(missing_base(fmt::format("{} has pages of {} bytes", path, (*base)->header_.page_size)));
  if (options.opened) options.opened(**base);
  return base;
}

void Reader::fill_info() {
  info_.pages = root_.pages;
  info_.end_pfn = root_.end_pfn;
  if (has_root_) {
    info_.integrity_value = to_hex(commit_.root_hash);
    info_.content_digest = ContentDigest::text(root_.content_digest);
  } else {
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
      for (const ChunkEntry& chunk : indexes_[i]->index.chunks) {
        const bool swapped = is_swapped(chunk.first_pfn);
        (swapped ? root_.swapped_end : info_.end_pfn) = chunk.end_pfn() - (swapped ? kFirstSwapped : 0);
        if (const auto runs = map_runs(indexes_[i]->index, chunk))
          count(*runs, swapped ? root_.swapped : info_.pages);
      }
    }
  }
  if (const Record* machine = find_record(records_, kMachineRecord)) {
    if (const std::string* text = machine->text("release")) info_.kernel.release = *text;
    if (const std::string* text = machine->text("version")) info_.kernel.version = *text;
    if (const std::string* text = machine->text("machine")) info_.kernel.machine = *text;
  }
  if (find_record(records_, kSalvagedRecord) != nullptr) {
    info_.findings.push_back(
        {"salvaged", Severity::Warning, std::nullopt,
         "saved with --salvage from a damaged image: some pages are lost or not proven"});
  }
  if (header_.has_swapped()) swapped_ = make_swapped_pages(*this);
  info_.is_incremental = header_.has_base();
  if (info_.is_incremental)
    info_.variant += fmt::format(", incremental over {}", printable(header_.base_name));
}

Result<std::shared_ptr<const Reader::LoadedIndex>> Reader::index(std::size_t i) const {
  {
    const std::scoped_lock lock(mutex_);
    if (indexes_[i]) return indexes_[i];
  }
  const IndexRef& ref = root_.indexes[i];
  auto loaded = std::make_shared<LoadedIndex>();
  const auto read = [&]() -> Result<void> {
    TRY(const auto bytes, read_block(*file_, ref.offset, BlockType::Index));
    if (!matches(bytes.block.payload_hash, ref.payload_hash)) {
      return fail(file_->error(ErrorKind::Corrupt, ref.offset,
                               fmt::format("INDEX block {}: payload hash", bytes.block.sequence),
                               to_hex(bytes.block.payload_hash), to_hex(ref.payload_hash)));
    }
    auto decoded = decode_index(bytes.payload, bytes.block.payload_offset(), header_);
    if (!decoded) return fail(std::move(decoded).error().of(file_->path()));
    const auto& chunks = decoded->chunks;
    if (decoded->first_slot != ref.first_slot || decoded->page_hashes.size() != ref.slot_count ||
        chunks.front().first_pfn != ref.first_pfn ||
        chunks.back().end_pfn() != ref.first_pfn + ref.page_count) {
      return fail(file_->error(ErrorKind::Corrupt, ref.offset,
                               fmt::format("INDEX block {}", bytes.block.sequence), "other pages and slots",
                               "those that ROOT names"));
    }
    loaded->index = std::move(*decoded);
    return {};
  };
  if (auto result = read(); !result) {
    if (!salvage_) return fail(std::move(result).error().advise("--salvage reads what is there"));
    const std::uint64_t from = i == 0 ? header_.first_block : root_.indexes[i - 1].offset;
    const PagePlace first{ref.first_pfn, ref.first_slot};
    const PagePlace end{ref.first_pfn + ref.page_count, ref.first_slot + ref.slot_count};
    Walk walk = walk_blocks(*file_, header_, {from, ref.offset, first, end}, true);
    loaded->index = std::move(walk.index);
    loaded->index.first_slot = ref.first_slot;
    loaded->damage.push_back({std::move(result).error(), {}});
    std::move(walk.damage.begin(), walk.damage.end(), std::back_inserter(loaded->damage));
  }
  const std::scoped_lock lock(mutex_);
  if (!indexes_[i]) indexes_[i] = std::move(loaded);
  return indexes_[i];
}

Result<std::vector<MapRun>> Reader::map_runs(const Index& index, const ChunkEntry& chunk) const {
  auto runs = decode_map(index.map_of(chunk), chunk.offset, chunk.first_pfn, chunk.page_count,
                         chunk.first_slot, chunk.slot_count);
  if (!runs) return fail(std::move(runs).error().of(file_->path()));
  return runs;
}

}  // namespace hib::hib_image
