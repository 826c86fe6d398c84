#include "lib/os/spawn.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

extern char** environ;

namespace hib {
namespace {

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

// Ends with null, as exec wants it. The pointers are into `texts` and the environment.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(const std::vector<std::string>& changes) {
  std::vector<std::string> all = changes;
  for (char** at = environ; *at != nullptr; ++at) {
    bool is_changed = false;
    for (const std::string& change : changes) is_changed = is_changed || name_of(change) == name_of(*at);
    if (!is_changed) all.emplace_back(*at);
  }
  return all;
}

}  // namespace

std::optional<pid_t> spawn(const Spawn& what) {
  std::vector<std::string> words = what.command;
  std::vector<std::string> variables = environment_with(what.environment);
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (words.empty() || posix_spawn_file_actions_init(&actions) != 0) return std::nullopt;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return std::nullopt;
  }
  sigset_t usual;
  sigemptyset(&usual);
  for (const int number : {SIGPIPE, SIGXFSZ}) sigaddset(&usual, number);  // this program ignores them
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  if (what.input >= 0) posix_spawn_file_actions_adddup2(&actions, what.input, STDIN_FILENO);
  pid_t process = -1;
  const int failure =
      posix_spawnp(&process, words[0].c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure == 0 ? std::optional(process) : std::nullopt;
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool acts_for_another_user() {
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) return true;
  return ::geteuid() == 0 && (std::getenv("SUDO_UID") != nullptr || std::getenv("PKEXEC_UID") != nullptr);
}

}  // namespace hib
