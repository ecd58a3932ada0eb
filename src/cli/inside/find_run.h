// Which run a verb that looks into one means.
#pragma once

#include <optional>
#include <string>

#include "cli/verb.h"
#include "net/socket.h"

namespace weir {

void AddRunAddressFlag(Command verb, std::string* http);

/// The address that `http` gives, or that of the only run of this user. Nothing after an error, which is printed; the
/// exit code is set.
std::optional<SocketAddress> FindRunAddress(const std::string& http, CliContext& context);

/// Prints why a request failed, with the exit code set.
void ReportRequest(const Status& status, CliContext& context);

}  // namespace weir
