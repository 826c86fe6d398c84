// Random access: pages at random PFNs of an image, one thread. Prints pages per second.
//   bench_random_pages IMAGE COUNT

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "format/registry.h"

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const auto image = hib::formats().open(argv[1], "", {});
  if (!image) return 2;
  auto source = (*image)->runs();
  std::vector<hib::Pfn> present;
  for (auto run = (*source)->next(); run && *run; run = (*source)->next()) {
    for (hib::Pfn pfn = (*run)->first; (*run)->is_present() && pfn < (*run)->end(); ++pfn)
      present.push_back(pfn);
  }
  std::mt19937_64 random(1);
  std::vector<std::byte> page((*image)->info().page_size);
  const int count = std::atoi(argv[2]);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    if (!(*image)->read_page(present[random() % present.size()], page)) return 2;
  }
  std::printf("%.0f\n",
              count / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}
