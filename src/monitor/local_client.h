// A client of a run's own endpoint, for `weir top`, `weir tap` and `weir query`, and of a collector beside it: one
// request for each connection, without TLS.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "net/socket.h"

namespace weir {

struct LocalRequest {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::string accept = "*/*";
  std::vector<std::pair<std::string, std::string>> headers;  // besides those that every request has
  std::string body;                                          // JSON; empty: none
};

/// Sends `request`, hands the pieces of the answer's body to `take` as they come (false: enough), and returns the
/// status code. Errors: IOError when nobody answers, Invalid when it is not HTTP/1.1.
Result<int> SendLocal(const SocketAddress& address, const LocalRequest& request,
                      const std::function<bool(std::string_view)>& take);
/// The whole body of an answer with status 200; otherwise an error with the `error` that the answer's JSON holds.
Result<std::string> FetchLocal(const SocketAddress& address, const LocalRequest& request);

/// `text` for a part of a path or a query: all but letters, digits and -_.~ as %XX.
std::string UrlEncoded(std::string_view text);

}  // namespace weir
