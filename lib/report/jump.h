// What arm, hibernate and resume say.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "lib/jump/arm.h"
#include "lib/jump/leave.h"
#include "lib/jump/restore/resume.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_arm(std::ostream& out, const jump::ArmReport& report);
Json json_of_arm(const jump::ArmReport& report);

// "resumed from the image", or what a jump that came back was for.
std::string describe_return(jump::Wish wish, jump::Outcome outcome);
Json json_of_hibernate(const jump::Left& left);

// One line for each device that did not suspend or did not resume, and why it is not known if it is not.
std::vector<std::string> device_notes(const jump::Left& left);

// Why it was not resumed: one line, or one for each device that speaks against it.
std::vector<std::string> lines_of(const jump::NotResumed& end, const std::string& image);
Json json_of_not_resumed(const jump::NotResumed& end);

}  // namespace hib::report
