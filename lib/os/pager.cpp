#include "lib/os/pager.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "lib/os/spawn.h"

namespace hib {
namespace {

// -F: ends at once where it all fits; -R: colours; -X: leaves it on the screen.
Spawn usual_pager() { return {{"less", "-FRX"}, {}}; }

// Whoever called sudo may not start a shell, or open files, from within.
Spawn safe_pager() {
  return {{"/usr/bin/less", "-FRX"}, {"LESSSECURE=1", "LESSOPEN=", "LESSCLOSE=", "LESS="}};
}

// What needs a shell is run by one, as man and git do: it may be a pipe. Of the rest it is known whether it
// is there.
std::vector<std::string> words_of(const std::string& command) {
  if (command.find_first_of("|&;<>()$`\\\"'*?[#~=%") != std::string::npos) return {"/bin/sh", "-c", command};
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Spawn wanted_pager() {
  if (acts_for_another_user()) return safe_pager();
  const char* named = std::getenv("HIBTOOL_PAGER");
  if (named == nullptr) named = std::getenv("PAGER");
  if (named == nullptr) return usual_pager();
  Spawn pager{words_of(named), {}};
  if (pager.command == std::vector<std::string>{"cat"}) pager.command.clear();
  if (std::getenv("LESS") == nullptr) pager.environment.emplace_back("LESS=FRX");  // it may be less
  return pager;
}

}  // namespace

std::optional<Pager> Pager::start() {
  Spawn pager = wanted_pager();
  int ends[2] = {-1, -1};
  if (pager.command.empty() || ::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const Fd out(ends[0]);
  const Fd in(ends[1]);
  pager.input = out.get();
  const auto process = spawn(pager);
  if (!process) return std::nullopt;
  Fd error(::isatty(STDERR_FILENO) != 0 ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1);
  ::dup2(in.get(), STDOUT_FILENO);
  if (error.get() >= 0) ::dup2(in.get(), STDERR_FILENO);
  return Pager(*process, std::move(error));
}

void Pager::finish() {
  ::close(STDOUT_FILENO);
  if (error_.get() >= 0) ::dup2(error_.get(), STDERR_FILENO);
  wait_for(process_);
}

}  // namespace hib
