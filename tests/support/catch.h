// Catch2 is 2.13 in Debian 12 and 3.x in Debian 13; the tests use what both have.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
