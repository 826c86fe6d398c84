// A library that is loaded when it is needed, and may be missing: what the program is linked with, the saver
// would carry too.
#pragma once

#include <dlfcn.h>

namespace hib {

// Base of a struct of its functions: decltype(&::nbd_create) create = find("nbd_create");
class SharedLibrary {
 public:
  bool is_whole() const { return is_whole_; }  // it is there, with every function that was asked for

 protected:
  explicit SharedLibrary(const char* name) : handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}

  // Of whatever type the function has.
  struct Symbol {
    void* address;
    template <typename Function>
    operator Function*() const {
      return reinterpret_cast<Function*>(address);
    }
  };
  Symbol find(const char* name) {
    void* const address = handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
    is_whole_ = is_whole_ && address != nullptr;
    return {address};
  }

 private:
  void* handle_;
  bool is_whole_ = true;
};

}  // namespace hib
