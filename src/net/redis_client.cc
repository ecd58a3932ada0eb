// RESP2: a command is an array of texts; an answer's first byte says what it is.
//
//   +TEXT\r\n   -ERROR\r\n   :INTEGER\r\n   $LENGTH\r\nBYTES\r\n   *COUNT\r\n answers…     LENGTH or COUNT -1: nil
#include "net/redis_client.h"

#include <charconv>

namespace weir {
namespace {

constexpr int kMaxDepth = 16;
constexpr int64_t kMaxBytes = int64_t{512} << 20;  // a text of Redis is not longer
constexpr int64_t kPieceBytes = 64 << 10;

Result<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::IOError("the server does not answer as Redis does");
  }
  return value;
}

}  // namespace

Status RedisReply::ToStatus() const {
  if (kind != Kind::kError) return Status::OK();
  for (const char* passing : {"LOADING", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "BUSY", "READONLY", "OOM"}) {
    if (text.starts_with(passing)) return Status::IOError("Redis says: ", text);
  }
  return Status::Invalid("Redis says: ", text);
}

Result<std::unique_ptr<RedisClient>> RedisClient::Connect(const RedisAddress& address) {
  WEIR_ASSIGN_OR_RETURN(auto socket, Socket::Connect(address.server, address.timeout_ms));
  std::unique_ptr<RedisClient> client(new RedisClient(std::move(socket), address.timeout_ms));
  const std::string& password = address.password.Reveal();
  if (!password.empty()) {
    RedisCommand auth = {"AUTH"};
    if (!address.user.empty()) auth.push_back(address.user);
    auth.push_back(password);
    WEIR_RETURN_NOT_OK(client->Call(auth));
  }
  if (address.database != 0) {
    WEIR_RETURN_NOT_OK(client->Call({"SELECT", std::to_string(address.database)}));
  }
  WEIR_RETURN_NOT_OK(client->Call({"PING"}));
  return client;
}

Result<RedisReply> RedisClient::Call(const RedisCommand& command) {
  WEIR_RETURN_NOT_OK(Send({command}));
  WEIR_ASSIGN_OR_RETURN(RedisReply reply, Read(0));
  WEIR_RETURN_NOT_OK(reply.ToStatus());
  return reply;
}

Result<std::vector<RedisReply>> RedisClient::CallAll(const std::vector<RedisCommand>& commands) {
  WEIR_RETURN_NOT_OK(Send(commands));
  std::vector<RedisReply> replies;
  replies.reserve(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    WEIR_ASSIGN_OR_RETURN(RedisReply reply, Read(0));
    replies.push_back(std::move(reply));
  }
  return replies;
}

Status RedisClient::Send(const std::vector<RedisCommand>& commands) {
  std::string out;
  for (const RedisCommand& command : commands) {
    out += "*" + std::to_string(command.size()) + "\r\n";
    for (const std::string& word : command) {
      out += "$" + std::to_string(word.size()) + "\r\n";
      out += word;
      out += "\r\n";
    }
  }
  return socket_->WriteAll(out, timeout_ms_);
}

Status RedisClient::Fill() {
  if (at_ == in_.size()) {
    in_.clear();
    at_ = 0;
  }
  const size_t size = in_.size();
  in_.resize(size + kPieceBytes);
  const auto read = socket_->ReadSome(in_.data() + size, kPieceBytes, timeout_ms_ + patience_ms_);
  in_.resize(size + static_cast<size_t>(read.ok() ? *read : 0));
  WEIR_RETURN_NOT_OK(read);
  return *read > 0 ? Status::OK() : Status::IOError("the server has closed the connection");
}

Result<std::string> RedisClient::ReadLine() {
  for (;;) {
    if (const size_t end = in_.find("\r\n", at_); end != std::string::npos) {
      std::string line = in_.substr(at_, end - at_);
      at_ = end + 2;
      return line;
    }
    WEIR_RETURN_NOT_OK(Fill());
  }
}

Result<RedisReply> RedisClient::Read(int depth) {
  if (depth > kMaxDepth) return Status::IOError("the server's answer is nested too deeply");
  WEIR_ASSIGN_OR_RETURN(const std::string line, ReadLine());
  if (line.empty()) return Status::IOError("the server does not answer as Redis does");
  RedisReply reply;
  const std::string rest = line.substr(1);
  switch (line[0]) {
    case '+':
      reply.kind = RedisReply::Kind::kText;
      reply.text = rest;
      return reply;
    case '-':
      reply.kind = RedisReply::Kind::kError;
      reply.text = rest;
      return reply;
    case ':': {
      reply.kind = RedisReply::Kind::kInteger;
      WEIR_ASSIGN_OR_RETURN(reply.integer, ParseInteger(rest));
      return reply;
    }
    case '$':
    case '*':
      break;
    default:
      return Status::IOError("the server does not answer as Redis does");
  }
  WEIR_ASSIGN_OR_RETURN(const int64_t size, ParseInteger(rest));
  if (size < 0) return reply;
  if (size > kMaxBytes) return Status::IOError("the server's answer is too long");
  if (line[0] == '$') {
    const auto wanted = static_cast<size_t>(size) + 2;
    while (in_.size() - at_ < wanted) WEIR_RETURN_NOT_OK(Fill());
    reply.kind = RedisReply::Kind::kText;
    reply.text = in_.substr(at_, wanted - 2);
    at_ += wanted;
    return reply;
  }
  reply.kind = RedisReply::Kind::kArray;
  for (int64_t i = 0; i < size; ++i) {
    WEIR_ASSIGN_OR_RETURN(RedisReply item, Read(depth + 1));
    reply.items.push_back(std::move(item));
  }
  return reply;
}

}  // namespace weir
