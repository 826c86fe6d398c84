// Colour and boldness on a terminal, nothing elsewhere. Respects NO_COLOR and TERM=dumb.
#pragma once

#include <string>

namespace hib::report {

class Style {
 public:
  explicit Style(bool terminal);
  bool is_terminal() const { return terminal_; }
  std::string bold(const std::string& text) const { return wrap("1", text); }
  std::string dim(const std::string& text) const { return wrap("2", text); }
  std::string red(const std::string& text) const { return wrap("31", text); }
  std::string green(const std::string& text) const { return wrap("32", text); }
  std::string yellow(const std::string& text) const { return wrap("33", text); }

 private:
  std::string wrap(const char* code, const std::string& text) const;
  bool terminal_;
  bool on_;
};

}  // namespace hib::report
