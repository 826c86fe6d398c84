// One flag that a signal sets and that every long loop looks at. The only process-wide state there is.
#pragma once

#include "lib/base/error.h"

namespace hib {

void install_signal_handlers();  // SIGINT, SIGTERM, SIGHUP set the flag; a second one ends the process at
                                 // once
void cancel_by(int signal);      // as if this signal had come; the first one counts
bool cancelled();
int cancelling_signal();  // 0 when nothing was cancelled
int cancel_fd();          // readable once cancelled, for poll(2); -1 without signal handlers
Error cancelled_error();
bool take_progress_request();  // true once after each SIGUSR1

}  // namespace hib
