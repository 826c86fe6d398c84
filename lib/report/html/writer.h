// HTML out of texts that may be anybody's: every text and every value of an attribute goes through one
// function, and every element that is opened is closed.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hib::report {

// Printable, and without a meaning in HTML, between tags and in quoted attributes alike.
std::string escaped(std::string_view text);

class Html {
 public:
  // Names are from this program, never from outside; values may be from anywhere.
  using Attributes = std::initializer_list<std::pair<const char*, std::string>>;

  // A document of its own: it loads nothing and runs nothing. `style` is CSS of this program.
  Html(std::string_view title, std::string_view style);

  void open(const char* tag, Attributes attributes = {});
  void close();  // the innermost that is open
  void text(std::string_view text);
  void element(const char* tag, std::string_view text, Attributes attributes = {});
  void empty(const char* tag, Attributes attributes);  // of SVG: <rect …/>

  // The page holds as much as it may: text is left out from here on. What a hostile input can make of a page
  // has an end.
  bool is_full() const { return out_.size() >= kMostPageBytes; }

  std::string finish() &&;  // closes what is open

 private:
  static constexpr std::size_t kMostPageBytes = 4U << 20;
  static constexpr std::size_t kMostTextBytes = 2000;  // of one text; "…" stands for the rest

  void start(const char* tag, Attributes attributes);

  std::string out_;
  std::vector<const char*> open_;
};

// Closes what it has opened when its block ends.
class Element {
 public:
  Element(Html& html, const char* tag, Html::Attributes attributes = {}) : html_(html) {
    html_.open(tag, attributes);
  }
  ~Element() { html_.close(); }
  Element(const Element&) = delete;
  Element& operator=(const Element&) = delete;

 private:
  Html& html_;
};

}  // namespace hib::report
