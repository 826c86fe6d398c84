// A thousand machines made from a seed, changed between two looks, with the truth known: which device now is
// which of those before.
#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "lib/device/match/match.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

using namespace hib::device;
using namespace hib::test;

namespace {

constexpr unsigned kMachines = 1000;
constexpr std::size_t kNobody = ~std::size_t{0};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return n == 0 ? 0 : engine_() % n; }
  bool chance(unsigned percent) { return engine_() % 100 < percent; }

 private:
  std::mt19937 engine_;
};

// A thing of the real world. What is recorded of it on a side may lack keys; what it is does not change.
struct Thing {
  Device device;
  std::size_t truth = 0;
  std::size_t content = 0;  // of a file system, which is what it holds: a copy is the same one, a second time
};

struct Side {
  std::vector<Thing> things;
  DeviceSet set() const {
    DeviceSet out;
    for (const Thing& thing : things) out.devices.push_back(thing.device);
    return out;
  }
};

class World {
 public:
  explicit World(unsigned seed) : dice_(seed), a_(), b_() {
    build();
    b_ = a_;
    change();
    forget(a_);
    forget(b_);
    permute(b_);
  }
  const Side& a() const { return a_; }
  const Side& b() const { return b_; }

 private:
  std::string unique(const std::string& prefix) { return prefix + std::to_string(++serial_); }

  Thing& add(Side& side, Made made) {
    ++truth_;
    side.things.push_back({made, truth_, truth_});
    return side.things.back();
  }

  static Value* key_of(Device& device, const std::string& name) {
    for (Value& value : device.identity) {
      if (value.name == name) return &value;
    }
    return nullptr;
  }

  void add_disk(Side& side, const std::string& place) {
    const std::string name = unique("sd");
    Made made = Made(Kind::Disk, "block/" + name)
                    .bus(dice_.chance(50) ? "ata" : "usb")
                    .at(place)
                    .medium("model", dice_.chance(70) ? "QM1000" : unique("model"));
    if (dice_.chance(70)) made.strong("serial", dice_.chance(10) ? "0000" : unique("S"));
    if (dice_.chance(40)) made.strong("wwn", unique("W"));
    if (dice_.chance(60)) made.strong("content.ptuuid", unique("T"));
    add(side, made);
    for (std::size_t i = 0, count = dice_.below(3); i < count; ++i) add_partition(side, name, place, i);
  }

  void add_partition(Side& side, const std::string& disk_name, const std::string& place, std::size_t number) {
    const std::string name = disk_name + "p" + std::to_string(number);
    Made made = Made(Kind::Partition, "block/" + name, "block/" + disk_name)
                    .at(place + "/" + std::to_string(number))
                    .medium("start", std::to_string(number * 1000 + 1))
                    .medium("size", "999");
    if (dice_.chance(70)) made.strong("content.partuuid", unique("P"));
    add(side, made);
    if (dice_.chance(70)) {
      Made system =
          Made(Kind::FileSystem, "filesystem:block/" + name, "block/" + name).medium("type", "ext4");
      if (dice_.chance(90)) system.strong("uuid", unique("F"));
      add(side, system);
    }
  }

  void build() {
    const std::size_t devices = 5 + dice_.below(56);
    while (a_.things.size() < devices) {
      const std::string place = unique("p");
      switch (dice_.below(6)) {
        case 0:
        case 1:
        case 2: add_disk(a_, place); break;
        case 3:
          add(a_, Made(Kind::Usb, "usb/" + place)
                      .at(place)
                      .medium("vendor", "1d6b")
                      .medium("product", dice_.chance(60) ? "1" : "2")
                      .strong("serial", dice_.chance(50) ? "123" : unique("U")));
          break;
        case 4: {
          const std::string function = "devices/" + place;
          add(a_, Made(Kind::Pci, function)
                      .at(place)
                      .medium("device", dice_.chance(60) ? "100e" : "10d3")
                      .medium("class", "0x020000")
                      .state("driver", "e1000"));
          add(a_, Made(Kind::Net, "net/" + place, function).at(place).strong("mac", unique("52:54:")));
          break;
        }
        case 5:
          add(a_, Made(dice_.chance(50) ? Kind::FireWire : Kind::Thunderbolt, "bus/" + place)
                      .at(place)
                      .medium("model", "m")
                      .strong(dice_.chance(50) ? "guid" : "unique-id", unique("G")));
          break;
        default: break;
      }
    }
  }

  // The disk, its partitions and what lies on those, as indexes.
  static std::vector<std::size_t> with_children(const Side& side, std::size_t root) {
    std::vector<std::size_t> found{root};
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (std::size_t k = 0; k < side.things.size(); ++k) {
        if (side.things[k].device.parent == side.things[found[i]].device.path) found.push_back(k);
      }
    }
    return found;
  }

  void set_place(std::size_t root, const std::string& place) {
    const std::string old = key_of(b_.things[root].device, "place")->text;
    for (const std::size_t i : with_children(b_, root)) {
      if (Value* at = key_of(b_.things[i].device, "place")) at->text = place + at->text.substr(old.size());
    }
  }

  std::vector<std::size_t> roots() const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < b_.things.size(); ++i) {
      if (b_.things[i].device.parent.empty()) found.push_back(i);
    }
    return found;
  }

  void change() {
    for (std::size_t i = 0, changes = dice_.below(6); i < changes; ++i) {
      const auto all = roots();
      if (all.empty()) return;
      const std::size_t one = all[dice_.below(all.size())];
      switch (dice_.below(7)) {
        case 0: set_place(one, unique("q")); break;
        case 1: swap_places(one, all); break;
        case 2: replace_by_same_model(one); break;
        case 3: remove(one); break;
        case 4: add_disk(b_, unique("new")); break;
        case 5: clone_onto_another(one); break;
        case 6: format_anew(); break;
        default: break;
      }
    }
  }

  void swap_places(std::size_t one, const std::vector<std::size_t>& all) {
    const std::size_t other = all[dice_.below(all.size())];
    if (other == one || b_.things[one].device.kind != b_.things[other].device.kind) return;
    const std::string place = key_of(b_.things[one].device, "place")->text;
    const std::string there = key_of(b_.things[other].device, "place")->text;
    set_place(one, unique("temporary"));
    set_place(other, place);
    set_place(one, there);
  }

  // Another one of the model, with keys of its own where the model has any, and with other content, or a copy
  // of the content.
  void replace_by_same_model(std::size_t root) {
    const bool copied =
        dice_.chance(30) &&
        has_own_key(
            b_.things[root].device);  // a copy of a disk without keys is that disk, for all that is recorded
    for (const std::size_t i : with_children(b_, root)) {
      Thing& thing = b_.things[i];
      const bool is_content = thing.device.kind == Kind::FileSystem;
      thing.truth = ++truth_;
      if (!copied || !is_content) thing.content = truth_;
      for (Value& value : thing.device.identity) {
        const bool of_content = is_content || value.name.rfind("content.", 0) == 0;
        if (value.strength == Strength::Strong && !(copied && of_content)) value.text = unique("R");
      }
    }
  }

  static bool has_own_key(const Device& device) {
    for (const Value& value : device.identity) {
      if (value.strength == Strength::Strong && value.name.rfind("content.", 0) != 0 &&
          value.text != "0000" && value.text != "123")
        return true;
    }
    return false;
  }

  void remove(std::size_t root) {
    const auto gone = with_children(b_, root);
    const std::set<std::size_t> doomed(gone.begin(), gone.end());
    std::vector<Thing> left;
    for (std::size_t i = 0; i < b_.things.size(); ++i) {
      if (doomed.count(i) == 0) left.push_back(b_.things[i]);
    }
    b_.things = std::move(left);
  }

  // One more disk, with keys of its own, and all that lies on this one.
  void clone_onto_another(std::size_t root) {
    if (b_.things[root].device.kind != Kind::Disk) return;
    const std::string place = unique("clone");
    const std::string old_place = key_of(b_.things[root].device, "place")->text;
    const std::string old_name = b_.things[root].device.path;
    const std::string name = "block/" + unique("cl");
    for (const std::size_t i : with_children(b_, root)) {
      Thing copy = b_.things[i];
      copy.truth = ++truth_;
      for (std::string* text : {&copy.device.path, &copy.device.parent}) {
        if (const std::size_t at = text->find(old_name); at != std::string::npos)
          text->replace(at, old_name.size(), name);
      }
      if (Value* at = key_of(copy.device, "place")) at->text = place + at->text.substr(old_place.size());
      if (i == root) {
        auto& values = copy.device.identity;
        values.erase(std::remove_if(values.begin(), values.end(),
                                    [](const Value& value) {
                                      return value.strength == Strength::Strong &&
                                             value.name.rfind("content.", 0) != 0;
                                    }),
                     values.end());
        values.push_back({"serial", unique("C"), "test", Strength::Strong, Presence::Present});
      }
      b_.things.push_back(std::move(copy));
    }
  }

  void format_anew() {
    if (b_.things.empty()) return;
    Thing& thing = b_.things[dice_.below(b_.things.size())];
    if (thing.device.kind != Kind::FileSystem) return;
    thing.truth = ++truth_;
    thing.content = truth_;
    for (Value& value : thing.device.identity) {
      if (value.strength == Strength::Strong) value.text = unique("N");
    }
  }

  // Keys that could not be read on this side, and so say nothing. Serial numbers that vendors use for many
  // devices are left: a device is taken to be the only one with its serial number unless another one is seen
  // with it.
  void forget(Side& side) {
    for (Thing& thing : side.things) {
      for (Value& value : thing.device.identity) {
        if (value.strength == Strength::Place || value.text == "0000" || value.text == "123" ||
            !dice_.chance(4))
          continue;
        value.presence = Presence::Unreadable;
      }
    }
  }

  void permute(Side& side) {
    for (std::size_t i = side.things.size(); i > 1; --i)
      std::swap(side.things[i - 1], side.things[dice_.below(i)]);
  }

  Dice dice_;
  Side a_;
  Side b_;
  std::size_t truth_ = 0;
  std::size_t serial_ = 0;
};

// By brute force, and from the record alone: a hardware key links the two and nobody else of their kind, and
// no other denies it.
bool is_decidable(const Side& a, const Side& b, std::size_t in_a, std::size_t in_b) {
  const Device& one = a.things[in_a].device;
  const Device& other = b.things[in_b].device;
  const auto count = [&](const Side& side, const Value& key) {
    std::size_t number = 0;
    for (const Thing& thing : side.things) {
      bool has = false;
      for (const Value& value : thing.device.identity)
        has =
            has || (value.name == key.name && value.text == key.text && value.presence == Presence::Present);
      number += thing.device.kind == one.kind && has ? 1 : 0;
    }
    return number;
  };
  bool linked = false;
  for (const Value& key : one.identity) {
    if (key.strength != Strength::Strong || key.presence != Presence::Present ||
        key.name.rfind("content.", 0) == 0)
      continue;
    const Value* there = other.find_identity(key.name);
    if (there == nullptr) continue;
    if (there->text != key.text) return false;
    linked = linked || (count(a, key) == 1 && count(b, key) == 1);
  }
  return linked;
}

struct Figures {
  std::size_t machines = 0, devices = 0, pairs = 0, proven = 0, wrong = 0, decidable = 0, missed = 0,
              ambiguous = 0, needlessly_ambiguous = 0, unaccounted = 0;
};

void count_machine(const Side& a, const Side& b, Figures& figures) {
  const Comparison comparison = match(a.set(), b.set());
  std::map<std::size_t, std::size_t> where;  // truth -> index into the set now
  for (std::size_t i = 0; i < b.things.size(); ++i) where[b.things[i].truth] = i;
  figures.machines += 1;
  figures.devices += a.things.size();
  std::set<std::size_t> seen_b;
  for (std::size_t i = 0; i < comparison.matches.size(); ++i) {
    const Match& match = comparison.matches[i];
    if (match.b && !seen_b.insert(*match.b).second) ++figures.unaccounted;  // one device now taken twice
    if ((i < a.things.size()) != match.a.has_value() || (match.a && *match.a != i)) ++figures.unaccounted;
    if (!match.a) continue;
    const auto it = where.find(a.things[i].truth);
    const std::size_t truth = it == where.end() ? kNobody : it->second;
    const bool claims = match.verdict == Verdict::Same || match.verdict == Verdict::Moved;
    const bool is_right = claims && (match.b == truth || (a.things[i].device.kind == Kind::FileSystem &&
                                                          a.things[i].content == b.things[*match.b].content));
    const bool decidable = truth != kNobody && is_decidable(a, b, i, truth);
    figures.pairs += truth != kNobody ? 1 : 0;
    figures.proven += claims ? 1 : 0;
    figures.wrong += claims && !is_right ? 1 : 0;
    figures.decidable += decidable ? 1 : 0;
    figures.missed += decidable && !is_right ? 1 : 0;
    figures.ambiguous += match.verdict == Verdict::Ambiguous ? 1 : 0;
    figures.needlessly_ambiguous += match.verdict == Verdict::Ambiguous && decidable ? 1 : 0;
    const bool is_wrong = claims && !is_right;
    if (is_wrong || (decidable && !is_right)) {
      std::cout << (is_wrong ? "wrong: " : "missed: ") << a.things[i].device.path << " "
                << name_of(match.verdict) << " " << (match.b ? b.things[*match.b].device.path : "") << ": "
                << match.reason << "; truth: " << (truth == kNobody ? "gone" : b.things[truth].device.path)
                << "\n";
    }
  }
}

}  // namespace

TEST_CASE(
    "In a thousand changed machines nothing is wrongly called the same, and all that a key decides is "
    "found") {
  Figures figures;
  for (unsigned seed = 1; seed <= kMachines; ++seed) {
    const World world(seed);
    count_machine(world.a(), world.b(), figures);
  }
  std::cout << "match: " << figures.machines << " machines, " << figures.devices << " devices, "
            << figures.pairs << " of them on both sides; " << figures.proven << " called same or moved, "
            << figures.wrong << " wrongly; " << figures.decidable << " decidable by a key, " << figures.missed
            << " missed; " << figures.ambiguous << " ambiguous, " << figures.needlessly_ambiguous
            << " of them decidable\n";
  CHECK(figures.wrong == 0);
  CHECK(figures.missed == 0);
  CHECK(figures.needlessly_ambiguous == 0);
  CHECK(figures.unaccounted == 0);
  CHECK(figures.decidable > 5000);  // the machines are not trivial
  CHECK(figures.ambiguous > 500);
}
