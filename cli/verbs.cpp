#include "cli/verb.h"

namespace hib::cli {

std::unique_ptr<Verb> make_arm();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_create();
std::unique_ptr<Verb> make_diagnose();
std::unique_ptr<Verb> make_diff();
std::unique_ptr<Verb> make_disarm();
std::unique_ptr<Verb> make_hibernate();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_mount();
std::unique_ptr<Verb> make_probe();
std::unique_ptr<Verb> make_rearm();
std::unique_ptr<Verb> make_restore();
std::unique_ptr<Verb> make_resume();
std::unique_ptr<Verb> make_verify();

namespace {

// In the order of --help.
constexpr VerbRow kVerbs[] = {
    {"inspect", "say what an image is, and read as little of it as that takes", make_inspect, true},
    {"verify", "prove an image, layer by layer, and say what cannot be proven", make_verify, true},
    {"create", "pack memory into a .hib image", make_create},
    {"restore", "write the memory of an image in another format", make_restore},
    {"mount", "show the memory of an image as files, without writing a copy", make_mount},
    {"diff", "compare the memory and the devices of two images, of any formats", make_diff, true},
    {"rearm", "put the signature of a consumed hibernation image back, where that is safe", make_rearm, true},
    {"diagnose", "say why a machine did not resume, and whether its session can be had back", make_diagnose,
     true},
    {"probe", "record this machine: its kernel, and its devices with what identifies each of them",
     make_probe, true},
    {"arm", "load the saver, a kernel that saves this one, into the crash region", make_arm, true},
    {"disarm", "undo arm", make_disarm},
    {"hibernate", "jump into the saver that arm has loaded: it writes this machine's memory into an image",
     make_hibernate},
    {"resume", "go back into the machine that hibernate has saved", make_resume},
    {"completion", "print a script that completes command lines", make_completion, false, true},
};

}  // namespace

std::span<const VerbRow> verbs() { return kVerbs; }

}  // namespace hib::cli
