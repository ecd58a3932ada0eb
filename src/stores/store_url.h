// Store URLs: which store, and how to get there.
//
//   memory:             of this process; memory:NAME is another one
//   sqlite:PATH         a file; the default where only a path is given
//   redis://[USER:PASSWORD@]HOST[:6379][/DB]
//   postgres://[USER[:PASSWORD]@]HOST[:5432]/DATABASE[?table=weir_store]     also postgresql://
//   dynamodb://TABLE[?region=…&endpoint=…]      credentials and the rest as every AWS tool finds them
//   etcd://[USER:PASSWORD@]HOST[:2379]
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

struct StoreUrl {
  std::string scheme;  // as above, without ':'
  std::string user, password, host;
  int port = 0;      // 0: that of the scheme
  std::string path;  // without the first '/'; of sqlite and memory, all after ':'
  std::map<std::string, std::string> options;

  /// Errors: Invalid, with an example; never with the password.
  static Result<StoreUrl> Parse(std::string_view text);
  /// The option, or `otherwise`.
  std::string Option(const std::string& name, const std::string& otherwise) const;
  /// "redis://host:6379/0": for messages, without user and password.
  std::string ToString() const;
};

}  // namespace weir
