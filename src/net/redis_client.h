// RedisClient: commands to a Redis server and its answers, in its protocol of version 2 (RESP2,
// redis.io/docs/reference/ protocol-spec). What is needed of it is this page; the client library that distributions
// have is older than the commands that are used here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "net/socket.h"

namespace weir {

struct RedisReply {
  enum class Kind : uint8_t { kNil, kText, kInteger, kArray, kError };
  Kind kind = Kind::kNil;
  std::string text;  // also of an error
  int64_t integer = 0;
  std::vector<RedisReply> items;

  bool is_nil() const { return kind == Kind::kNil; }
  /// An error as a Status: IOError where it may pass (the server loads, has no master), else Invalid.
  Status ToStatus() const;
};

struct RedisAddress {
  SocketAddress server;
  std::string user;
  Secret<std::string> password;  // empty: none
  int database = 0;
  int64_t timeout_ms = 10'000;  // of each piece of an answer
};

using RedisCommand = std::vector<std::string>;

/// One connection; used by one thread at a time. After an IOError it is of no more use.
class RedisClient {
 public:
  /// Connects, says who it is, and chooses the database. Errors: IOError; Invalid where the server refuses.
  static Result<std::unique_ptr<RedisClient>> Connect(const RedisAddress& address);

  /// The answer to a command. Errors: IOError where there is none; those of ToStatus.
  Result<RedisReply> Call(const RedisCommand& command);
  /// Many commands at once, an answer for each: errors of single commands are among them. Errors: IOError.
  Result<std::vector<RedisReply>> CallAll(const std::vector<RedisCommand>& commands);
  /// Waits this much longer for the next answers: for commands that block.
  void set_patience_ms(int64_t ms) { patience_ms_ = ms; }

 private:
  explicit RedisClient(std::unique_ptr<Socket> socket, int64_t timeout_ms)
      : socket_(std::move(socket)), timeout_ms_(timeout_ms) {}
  Status Send(const std::vector<RedisCommand>& commands);
  Result<RedisReply> Read(int depth);
  Result<std::string> ReadLine();
  Status Fill();

  std::unique_ptr<Socket> socket_;
  const int64_t timeout_ms_;
  int64_t patience_ms_ = 0;
  std::string in_;
  size_t at_ = 0;  // of in_: what is before it has been read
};

}  // namespace weir
