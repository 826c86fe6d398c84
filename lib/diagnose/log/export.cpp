#include "lib/diagnose/log/export.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "lib/base/bytes.h"
#include "lib/diagnose/log/journal_entry.h"

namespace hib::diagnose::logs {
namespace {

void flush(JournalEntry& entry, std::optional<std::uint64_t> offset, BootCollector& boots) {
  if (!entry.empty()) {
    HeardLine line = entry.line();
    line.offset = offset;
    if (!entry.boot_id().empty()) boots.enter_boot(entry.boot_id());
    boots.add(line);
  }
  entry.clear();
}

// "name\n", 64 bits of length, so many bytes, "\n". False at the end of the file.
bool read_binary_field(LogBytes& bytes, const std::string& name, JournalEntry& entry) {
  std::string length;
  std::string value;
  std::string end;
  if (!bytes.bytes(sizeof(std::uint64_t), sizeof(std::uint64_t), length)) return false;
  std::uint64_t size = 0;
  for (std::size_t i = length.size(); i > 0; --i)
    size = size << 8U | static_cast<unsigned char>(length[i - 1]);
  if (!bytes.bytes(size, kMostTextBytes, value) || !bytes.bytes(1, 1, end) || end != "\n") return false;
  entry.set(name, value);
  return true;
}

// One entry of journalctl -o json: an object of strings, of numbers, and of arrays: the bytes of what is not
// UTF-8, or the values of a field that is there several times. No deeper, so that nothing here recurses.
class JsonEntry {
 public:
  explicit JsonEntry(std::string_view text) : text_(text) {}

  // False where it is not whole; `entry` then has what came before.
  bool read(JournalEntry& entry) {
    if (!take('{')) return false;
    while (!take('}')) {
      std::string name;
      if (!take_string(name) || !take(':') || !take_value()) return false;
      entry.set(name, value_);
      if (!take(',') && !next_is('}')) return false;
    }
    return true;
  }

 private:
  bool next_is(char c) {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r"), text_.size()));
    return text_.starts_with(c);
  }
  bool take(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_value() {
    value_.clear();
    if (next_is('"')) return take_string(value_);
    if (take('[')) return take_array();
    if (!take_word(value_)) return false;
    if (value_ == "null") value_.clear();  // of what is too long for journalctl
    return true;
  }
  bool take_array();
  bool take_word(std::string& word);
  bool take_string(std::string& string);
  bool take_escape(std::string& string);

  std::string_view text_;
  std::string value_;
};

// The bytes, or the first of the values.
bool JsonEntry::take_array() {
  bool has_string = false;
  while (!take(']')) {
    std::string item;
    if (next_is('"')) {
      if (!take_string(item)) return false;
      if (!has_string) value_ = item;
      has_string = true;
    } else {
      if (!take_word(item)) return false;
      unsigned byte = 0;
      const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), byte);
      if (error == std::errc() && byte < 256) value_.push_back(static_cast<char>(byte));
    }
    if (!take(',') && !next_is(']')) return false;
  }
  return true;
}

// A number, true, false or null.
bool JsonEntry::take_word(std::string& word) {
  const std::size_t end = std::min(text_.find_first_of(",]} "), text_.size());
  word = text_.substr(0, end);
  text_.remove_prefix(end);
  return end > 0;
}

bool JsonEntry::take_string(std::string& string) {
  if (!take('"')) return false;
  for (;;) {
    const std::size_t special = text_.find_first_of("\"\\");
    if (special == std::string_view::npos) return false;
    string.append(text_.substr(0, special));
    const bool is_end = text_[special] == '"';
    text_.remove_prefix(special + 1);
    if (is_end) return true;
    if (!take_escape(string)) return false;
  }
}

// Behind the backslash. journalctl writes control characters so, and nothing above 0xFF.
bool JsonEntry::take_escape(std::string& string) {
  if (text_.empty()) return false;
  const char kind = text_.front();
  text_.remove_prefix(1);
  constexpr std::string_view kEscapes = "bfnrt";
  constexpr std::string_view kMeanings = "\b\f\n\r\t";
  if (const std::size_t which = kEscapes.find(kind); which != std::string_view::npos) {
    string.push_back(kMeanings[which]);
    return true;
  }
  if (kind != 'u') {
    string.push_back(kind);
    return true;
  }
  unsigned code = 0;
  const auto [end, error] =
      std::from_chars(text_.data(), text_.data() + std::min<std::size_t>(4, text_.size()), code, 16);
  if (error != std::errc() || end != text_.data() + 4) return false;
  text_.remove_prefix(4);
  string.push_back(code < 0x80 ? static_cast<char>(code) : '?');
  return true;
}

}  // namespace

bool is_export(std::string_view line) {
  return line.starts_with("__CURSOR=") || line.starts_with("__REALTIME_TIMESTAMP=");
}

void read_export(LogBytes& bytes, BootCollector& boots) {
  JournalEntry entry;
  std::optional<std::uint64_t> offset;
  while (const auto line = bytes.line()) {
    if (line->text.empty()) {
      flush(entry, offset, boots);
      offset.reset();
      continue;
    }
    if (!offset) offset = line->offset;
    const std::size_t equals = line->text.find('=');
    if (equals != std::string_view::npos) {
      entry.set(line->text.substr(0, equals), line->text.substr(equals + 1));
    } else if (!read_binary_field(bytes, std::string(line->text), entry)) {
      return;  // the entry is not whole
    }
  }
  flush(entry, offset, boots);
}

bool is_json(std::string_view line) {
  return line.starts_with("{\"") && line.find("\"__CURSOR\"") != std::string_view::npos;
}

void read_json(LogBytes& bytes, BootCollector& boots) {
  while (const auto line = bytes.line()) {
    JournalEntry entry;
    if (JsonEntry(line->text).read(entry)) flush(entry, line->offset, boots);
  }
}

}  // namespace hib::diagnose::logs
