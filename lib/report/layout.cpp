#include "lib/report/layout.h"

#include <wchar.h>

#include <algorithm>
#include <cwchar>
#include <vector>

#include <fmt/format.h>

#include "lib/os/terminal.h"

namespace hib::report {
namespace {

constexpr std::string_view kEllipsis = "…";

// The end of the escape sequence that begins at `at`; `at` itself where none does.
std::size_t behind_escape(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\033[") return at;
  const std::size_t end = text.find('m', at);
  return end == std::string_view::npos ? at : end + 1;
}

struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

// In the locale of the thread. What is no character takes a column for each byte.
Character first_of(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80) return {};
  std::mbstate_t state{};
  wchar_t wide = 0;
  const std::size_t bytes = std::mbrtowc(&wide, text.data(), text.size(), &state);
  if (bytes == 0 || bytes > text.size()) return {};
  const int columns = ::wcwidth(wide);
  return {bytes, columns < 0 ? std::size_t{1} : static_cast<std::size_t>(columns)};
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The longest beginning of at most so many columns: its bytes, and its columns.
Character beginning_of(std::string_view text, std::size_t columns) {
  Character whole{0, 0};
  while (whole.bytes < text.size()) {
    const std::size_t behind = behind_escape(text, whole.bytes);
    const Character next =
        behind == whole.bytes ? first_of(text.substr(whole.bytes)) : Character{behind - whole.bytes, 0};
    if (whole.columns + next.columns > columns) break;
    whole.bytes += next.bytes;
    whole.columns += next.columns;
  }
  return whole;
}

// Where the text begins that lines below are to line up with: behind the last gap of two blanks that leaves
// room for text, or a little behind the line's own start.
struct Hang {
  std::size_t byte = 0;
  std::size_t column = 0;
};

Hang hang_of(std::string_view line, std::size_t columns) {
  const std::size_t most = columns * 3 / 5;
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  Hang hang{indent, std::min(indent + 2, columns / 2)};
  for (std::size_t i = indent; i + 2 < line.size(); ++i) {
    if (line.substr(i, 2) != "  " || line[i + 2] == ' ') continue;
    const std::size_t column = width_of(line.substr(0, i + 2));
    if (column <= most) hang = {i + 2, column};
  }
  return hang;
}

bool is_command(std::string_view line) {
  std::size_t at = 0;
  for (std::size_t next = 0; next < line.size(); at = next) {
    next = line[at] == ' ' ? at + 1 : behind_escape(line, at);
    if (next == at) break;
  }
  return at > 0 && line.substr(at).starts_with("hibtool ");
}

// "  hibtool verify a.hib   # is it whole?" in two lines: the command stays whole, to be copied.
std::string with_comment_above(std::string_view line) {
  const std::size_t comment = line.rfind(" # ");
  const std::size_t indent = line.find_first_not_of(' ');
  if (comment == std::string_view::npos || indent == std::string_view::npos) return std::string(line);
  const std::size_t end = line.find_last_not_of(' ', comment) + 1;
  return fmt::format("{:{}}{}\n{}", "", indent, line.substr(comment + 1), line.substr(0, end));
}

// Blanks at which the line may be broken, and its end.
std::vector<std::size_t> breaks_of(std::string_view line, std::size_t from) {
  std::vector<std::size_t> breaks;
  for (std::size_t i = line.find(' ', from); i != std::string_view::npos; i = line.find(' ', i + 1))
    breaks.push_back(i);
  breaks.push_back(line.size());
  return breaks;
}

}  // namespace

std::size_t width_of(std::string_view text) {
  if (is_ascii(text)) return beginning_of(text, std::string_view::npos).columns;
  const TextLocale locale;
  return beginning_of(text, std::string_view::npos).columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  const TextLocale locale;
  if (beginning_of(text, columns).bytes == text.size()) return std::string(text);
  const std::string_view sign = speaks_utf8() ? kEllipsis : "...";
  const std::size_t sign_columns = speaks_utf8() ? 1 : sign.size();
  if (columns < sign_columns) return std::string(columns, '.');
  return std::string(text.substr(0, beginning_of(text, columns - sign_columns).bytes)).append(sign);
}

std::vector<std::string> lines_of_words(const std::string& text, std::size_t columns) {
  std::vector<std::string> lines(1);
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t more = width_of(word);
    if (at > 0 && width + 1 + more > columns) {
      lines.emplace_back();
      width = 0;
    } else if (at > 0) {
      lines.back() += ' ';
      ++width;
    }
    lines.back() += word;
    width += more;
    at = end + 1;
  }
  return lines;
}

std::string laid_out(std::string_view line, const Screen& screen) {
  if (screen.columns == 0 || width_of(line) <= screen.columns) return std::string(line);
  if (is_command(line)) return with_comment_above(line);
  const Hang hang = hang_of(line, screen.columns);
  std::string out;
  std::size_t start = 0;  // of what is not yet in `out`
  std::size_t last = 0;   // the last break at which the row still fits
  std::size_t width_before = 0;
  for (const std::size_t end : breaks_of(line, hang.byte)) {
    const bool fits = width_before + width_of(line.substr(start, end - start)) <= screen.columns;
    if (!fits && last > start) {
      out.append(line.substr(start, last - start)).append("\n").append(hang.column, ' ');
      start = std::min(line.find_first_not_of(' ', last), line.size());
      width_before = hang.column;
    }
    last = end;
  }
  return out.append(line.substr(start));
}

std::string in_ascii(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(kEllipsis)) {
      out += "...";
      i += kEllipsis.size() - 1;
    } else if (static_cast<unsigned char>(text[i]) < 0x80) {
      out += text[i];
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    }
  }
  return out;
}

LaidOut::LaidOut(std::ostream& below, const Screen& screen) : std::ostream(nullptr), lines_(below, screen) {
  rdbuf(&lines_);
  exceptions(std::ios::badbit);  // otherwise a stream keeps a lack of memory to itself
}

LaidOut::Lines::~Lines() {
  if (!line_.empty()) below_ << (screen_.has_utf8 ? line_ : in_ascii(line_));
}

void LaidOut::Lines::end_line() {
  const std::string shown = screen_.has_utf8 ? line_ : in_ascii(line_);
  below_ << laid_out(shown, screen_) << '\n';
  line_.clear();
}

std::streamsize LaidOut::Lines::xsputn(const char* text, std::streamsize size) {
  std::string_view rest(text, static_cast<std::size_t>(size));
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    line_.append(rest.substr(0, end));
    end_line();
    rest.remove_prefix(end + 1);
  }
  line_.append(rest);
  return size;
}

int LaidOut::Lines::sync() {
  below_.flush();
  return 0;
}

}  // namespace hib::report
