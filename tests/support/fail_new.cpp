// Preloaded into hibtool by tests: the Nth call of operator new finds no memory (FAIL_NEW_AT=N), and with no
// N the number of calls is written to standard error at the end. Calls before main do not count: nobody could
// answer there.
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> calls{0};
std::atomic<bool> counting{false};
long fail_at = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  if (counting && ++calls == fail_at) throw std::bad_alloc();
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, rounded)
                                                       : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new[](std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

// hibtool's main calls setrlimit first of all: from here on it can answer.
static int start_counting() {
  const char* text = std::getenv("FAIL_NEW_AT");
  fail_at = text == nullptr ? 0 : std::atol(text);
  if (fail_at == 0) std::atexit([] { std::fprintf(stderr, "calls of new: %ld\n", calls.load()); });
  counting = true;
  return 0;
}

extern "C" int setrlimit(int, const void*) { return start_counting(); }
extern "C" int setrlimit64(int, const void*) { return start_counting(); }
