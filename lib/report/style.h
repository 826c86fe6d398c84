// Colour and boldness.
#pragma once

#include <cstddef>
#include <string>

namespace hib::report {

enum class Colours {
  Auto,  // on a terminal, unless NO_COLOR or TERM=dumb says no
  Always,
  Never,
};

class Style {
 public:
  explicit Style(bool terminal, Colours colours = Colours::Auto);
  bool is_terminal() const { return terminal_; }
  std::size_t columns() const { return columns_; }  // of the terminal
  std::string bold(const std::string& text) const { return wrap("1", text); }
  std::string dim(const std::string& text) const { return wrap("2", text); }
  std::string red(const std::string& text) const { return wrap("31", text); }
  std::string green(const std::string& text) const { return wrap("32", text); }
  std::string yellow(const std::string& text) const { return wrap("33", text); }

 private:
  std::string wrap(const char* code, const std::string& text) const;
  bool terminal_;
  bool on_;
  std::size_t columns_;
};

}  // namespace hib::report
