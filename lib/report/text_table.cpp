#include "lib/report/text_table.h"

#include <libsmartcols.h>
#include <locale.h>

#include <cstdlib>
#include <new>

#include "lib/os/terminal.h"

namespace hib::report {
namespace {

// The user's character set while libsmartcols measures text. Without one that has UTF-8, it would count
// bytes.
class TextLocale {
 public:
  TextLocale() : locale_(newlocale(LC_CTYPE_MASK, "", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  ~TextLocale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  TextLocale(const TextLocale&) = delete;
  TextLocale& operator=(const TextLocale&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace

void TextTable::Free::operator()(libscols_table* table) const { scols_unref_table(table); }

TextTable::TextTable(const Style& style, const std::vector<Column>& columns) : table_(scols_new_table()) {
  if (!table_) throw std::bad_alloc();
  scols_table_enable_ascii(table_.get(), !style.is_terminal() || !speaks_utf8() ? 1 : 0);
  scols_table_enable_noencoding(table_.get(), 1);  // cells are safe to print
  // A pager may stand between this program and the terminal.
  scols_table_set_termforce(table_.get(),
                            style.is_terminal() ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
  if (style.is_terminal()) scols_table_set_termwidth(table_.get(), style.columns());
  for (const Column& column : columns) {
    const int flags = (column.is_tree ? SCOLS_FL_TREE : 0) | (column.is_number ? SCOLS_FL_RIGHT : 0) |
                      (column.may_be_cut ? SCOLS_FL_TRUNC : 0);
    if (scols_table_new_column(table_.get(), column.title, 0.1, flags) == nullptr) throw std::bad_alloc();
  }
}

TextTable::~TextTable() = default;

libscols_line* TextTable::add(const std::vector<std::string>& cells, libscols_line* parent) {
  libscols_line* line = scols_table_new_line(table_.get(), parent);
  if (line == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].empty() && scols_line_set_data(line, i, cells[i].c_str()) != 0) throw std::bad_alloc();
  }
  return line;
}

std::string TextTable::text() const {
  const TextLocale locale;
  char* raw = nullptr;
  const int result = scols_print_table_to_string(table_.get(), &raw);
  const std::unique_ptr<char, FreeText> text(raw);
  if (result != 0) throw std::bad_alloc();
  return text ? std::string(text.get()) + "\n" : "";  // the last line has no end
}

}  // namespace hib::report
