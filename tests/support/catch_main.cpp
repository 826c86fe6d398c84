// Only for Catch2 2.x; 3.x brings its own main in a library.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
