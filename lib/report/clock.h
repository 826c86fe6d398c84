// Times of day, for people and for scripts.
#pragma once

#include <cstdint>
#include <string>

namespace hib::report {

std::string clock_text(std::uint64_t time_ns);  // "2026-11-27 20:26:18.123 UTC"; 0: "at an unknown time"
std::string clock_text_us(std::uint64_t us);
std::string clock_of_script(std::uint64_t us);  // "2026-11-27T20:26:18.123456Z"

}  // namespace hib::report
