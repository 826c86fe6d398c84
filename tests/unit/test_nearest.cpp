// "did you mean": nothing is better than a word that was not meant.

#include "lib/base/nearest.h"
#include "tests/support/catch.h"

using hib::nearest;

namespace {

const std::vector<std::string> kVerbs = {"inspect", "create", "restore", "verify", "diff", "probe"};

}  // namespace

TEST_CASE("A mistyped word becomes the one that was meant") {
  CHECK(nearest("inspekt", kVerbs) == "inspect");
  CHECK(nearest("nspect", kVerbs) == "inspect");
  CHECK(nearest("inspectt", kVerbs) == "inspect");
  CHECK(nearest("verfiy", kVerbs) == "verify");
  CHECK(nearest("dif", kVerbs) == "diff");
  CHECK(nearest("inspect", kVerbs) == "inspect");
}

TEST_CASE("Two letters in the wrong order are one mistake") {
  CHECK(nearest("--hlep", {"--help"}) == "--help");
  CHECK(nearest("--jsno", {"--json"}) == "--json");
  CHECK(nearest("ba", {"ab"}) == "ab");
}

TEST_CASE("A beginning of five letters or more is enough, where no whole word is near") {
  CHECK(nearest("--agaisnt", {"--json", "--against-running"}) == "--against-running");
  CHECK(nearest("--page", {"--page-size", "--pages"}) == "--pages");
  CHECK(nearest("insp", {"inspection"}).empty());
}

TEST_CASE("A word that is near to none becomes none") {
  CHECK(nearest("hibernate", kVerbs).empty());
  CHECK(nearest("xyz", kVerbs).empty());
  CHECK(nearest("", kVerbs).empty());
  CHECK(nearest("inspekt", {}).empty());
}

TEST_CASE("One letter in three may be wrong, and one in shorter words") {
  CHECK(nearest("ab", {"ac"}) == "ac");
  CHECK(nearest("ab", {"cd"}).empty());
  CHECK(nearest("abcdef", {"abcdxx"}) == "abcdxx");
  CHECK(nearest("abcdef", {"abcxxx"}).empty());
}

TEST_CASE("Of several that are near the nearest is taken, and of equally near ones the first") {
  CHECK(nearest("restor", {"resort", "restore"}) == "restore");
  CHECK(nearest("cat", {"bat", "hat"}) == "bat");
}

TEST_CASE("A word that is too long was not meant to be one of ours") {
  const std::string longest(64, 'a');
  CHECK(nearest(longest, {longest}) == longest);
  CHECK(nearest(longest + "a", {longest + "a"}).empty());
  CHECK(nearest(std::string(1U << 20, 'a'), kVerbs).empty());
  CHECK(nearest("inspect", {std::string(1000, 'x'), "inspect"}) == "inspect");
}
