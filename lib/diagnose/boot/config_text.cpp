#include "lib/diagnose/boot/config_text.h"

#include <algorithm>

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxLines = 100'000;
constexpr std::string_view kBlanks = " \t\r";

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Reads a value as a shell does, from just behind the "=".
class ShellValue {
 public:
  ShellValue(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  std::string read() {
    if (at_ < text_.size() && text_[at_] == '(') {
      ++at_;
      read_array();
    } else {
      read_word("\n \t;");
    }
    return std::move(value_);
  }
  std::size_t end() const { return at_; }

 private:
  void read_array() {
    while (at_ < text_.size() && text_[at_] != ')') {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '\n' || kBlanks.find(c) != std::string_view::npos) {
        ++at_;
      } else {
        if (!value_.empty()) value_ += ' ';
        read_word("\n \t)");
      }
    }
    if (at_ < text_.size()) ++at_;
  }

  void read_word(std::string_view stop) {
    while (at_ < text_.size() && stop.find(text_[at_]) == std::string_view::npos) {
      const char c = text_[at_++];
      if (c == '\'') {
        read_quoted(c, false);
      } else if (c == '"') {
        read_quoted(c, true);
      } else if (c == '\\' && at_ < text_.size()) {
        value_ += text_[at_++];
      } else if (c != '\r') {
        value_ += c;
      }
    }
  }

  void read_quoted(char quote, bool has_escapes) {
    while (at_ < text_.size() && text_[at_] != quote) {
      if (has_escapes && text_[at_] == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next == '\n') {  // the line goes on
          at_ += 2;
          continue;
        }
        if (next == '"' || next == '\\' || next == '$' || next == '`') ++at_;
      }
      value_ += text_[at_++];
    }
    if (at_ < text_.size()) ++at_;
  }

  std::string_view text_;
  std::size_t at_;
  std::string value_;
};

std::size_t skip_to_next_line(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('\n', at);
  return end == std::string_view::npos ? text.size() : end + 1;
}

}  // namespace

std::vector<TextLine> lines_of(std::string_view text) {
  std::vector<TextLine> lines;
  std::size_t at = 0;
  while (at < text.size() && lines.size() < kMaxLines) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back({at, text.substr(at, end - at)});
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t\r\n", at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::vector<Assignment> assignments_of(std::string_view text) {
  constexpr std::string_view kExport = "export ";
  std::vector<Assignment> found;
  std::size_t at = 0;
  while (at < text.size() && found.size() < kMaxLines) {
    at = text.find_first_not_of(" \t\r\n;", at);
    if (at == std::string_view::npos) break;
    if (text.substr(at).starts_with(kExport)) at += kExport.size();
    std::size_t end = at;
    while (end < text.size() && is_key_char(text[end])) ++end;
    const bool appends = text.substr(end).starts_with("+=");
    if (end == at || !(appends || text.substr(end).starts_with("="))) {
      at = skip_to_next_line(text, end);
      continue;
    }
    ShellValue value(text, end + (appends ? 2 : 1));
    Assignment assignment{std::string(text.substr(at, end - at)), value.read(), appends, at, {}};
    assignment.line = text.substr(at, value.end() - at);
    found.push_back(std::move(assignment));
    at = value.end();
    // The rest of this line is a comment or a command that the value was set for.
    if (at < text.size() && text[at] != '\n' && text[at] != ';') at = skip_to_next_line(text, at);
  }
  return found;
}

std::string value_of(const std::vector<Assignment>& assignments, std::string_view key) {
  std::string value;
  for (const Assignment& assignment : assignments) {
    if (assignment.key != key) continue;
    if (assignment.appends) {
      value += (value.empty() ? "" : " ") + assignment.value;
    } else {
      value = assignment.value;
    }
  }
  return value;
}

}  // namespace hib::diagnose::boot
