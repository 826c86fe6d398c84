// Scripts that complete the command line in a shell: static text, made of the table of verbs and their
// options.
#pragma once

#include <string>
#include <vector>

namespace hib::report {

enum class Completed {
  Nothing,  // a value that nobody can guess
  Words,    // one of CompletedOption::words, or several with commas
  Files,    // also of images
  Folders,
  BlockDevices,  // and files
  DeviceNames,   // of the image that the command line names
  Verdicts,      // one of CompletedOption::words, or such a name before a word that begins with "="
};

// An option with its names ("-o", "--output"), or an operand, which has none.
struct CompletedOption {
  std::vector<std::string> names;
  std::string text;         // what it does
  std::string placeholder;  // of its value; empty: it has none
  Completed by = Completed::Nothing;
  std::vector<std::string> words;
};

struct CompletedVerb {
  std::string name;
  std::string text;
  std::vector<CompletedOption> options;
  std::vector<CompletedOption> operands;  // the last one may be repeated
};

using CompletedVerbs = std::vector<CompletedVerb>;

// What completes the operands: one for all, the last one unless another one is a file.
const CompletedOption* completed_operand(const CompletedVerb& verb);

// "hibtool completion devices IMAGE" prints the names of Completed::DeviceNames.
std::string bash_completion(const CompletedVerbs& verbs);
std::string zsh_completion(const CompletedVerbs& verbs);
std::string fish_completion(const CompletedVerbs& verbs);

}  // namespace hib::report
