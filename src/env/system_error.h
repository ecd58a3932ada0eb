// Errors of the operating system as a Status that still knows its errno.
#pragma once

#include <string>

#include "base/status.h"

namespace weir {

/// IOError "cannot ACTION 'PATH': REASON".
Status SystemError(int error_number, const char* action, const std::string& path);

/// The errno that a SystemError was made of; 0 for any other Status.
int SystemErrorNumber(const Status& status);

/// There was no room (or no quota) for what was to be written: the same may succeed later.
bool IsDiskFull(const Status& status);

}  // namespace weir
