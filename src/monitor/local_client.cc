// HTTP/1.1 as the run's server speaks it: a length, or chunks, or until the connection ends.
#include "monitor/local_client.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

namespace weir {
namespace {

constexpr int64_t kConnectTimeoutMs = 3000;
constexpr int64_t kReadTimeoutMs = 3'600'000;  // a tap may be silent for long
constexpr int64_t kAnswerTimeoutMs = 15'000;   // for the first byte; a query may take 10 s
constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kMaxBodyBytes = 256 << 20;

class Answer {
 public:
  explicit Answer(Socket* socket) : socket_(*socket) {}

  Result<int> ReadHead() {
    size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kMaxHeadBytes) return Status::Invalid("the answer's head does not end");
      WEIR_ASSIGN_OR_RETURN(const bool more, ReadMore(kAnswerTimeoutMs));
      if (!more) return Status::Invalid("the connection ended before an answer");
    }
    std::string head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    int status = 0;
    if (!head.starts_with("HTTP/1.") || head.size() < 12) return Status::Invalid("the answer is not HTTP");
    std::from_chars(head.data() + 9, head.data() + 12, status);
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    chunked_ = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    if (const size_t at = head.find("\r\ncontent-length:"); at != std::string::npos) {
      const size_t digits = head.find_first_not_of(' ', at + 17);
      std::from_chars(head.data() + digits, head.data() + head.size(), length_);
    }
    return status;
  }

  /// The next piece of the body; empty at its end.
  Result<std::string> ReadBody() {
    if (chunked_) return ReadChunk();
    if (length_ == 0) return std::string();
    if (buffer_.empty()) {
      WEIR_ASSIGN_OR_RETURN(const bool more, ReadMore());
      if (!more) return std::string();
    }
    std::string piece = std::exchange(buffer_, {});
    if (length_ > 0) length_ -= std::min<int64_t>(length_, static_cast<int64_t>(piece.size()));
    return piece;
  }

 private:
  Result<bool> ReadMore(int64_t timeout_ms = kReadTimeoutMs) {
    char piece[16 << 10];
    WEIR_ASSIGN_OR_RETURN(const int64_t bytes, socket_.ReadSome(piece, sizeof piece, timeout_ms));
    buffer_.append(piece, static_cast<size_t>(bytes));
    return bytes > 0;
  }

  Result<std::string> ReadChunk() {
    size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      WEIR_ASSIGN_OR_RETURN(const bool more, ReadMore());
      if (!more) return std::string();  // the run has ended
    }
    size_t size = 0;
    std::from_chars(buffer_.data(), buffer_.data() + line, size, 16);
    if (size == 0) return std::string();
    if (size > kMaxBodyBytes) return Status::Invalid("a chunk of the answer is too large");
    while (buffer_.size() < line + 2 + size + 2) {
      WEIR_ASSIGN_OR_RETURN(const bool more, ReadMore());
      if (!more) return std::string();
    }
    std::string piece = buffer_.substr(line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    return piece;
  }

  Socket& socket_;
  std::string buffer_;
  bool chunked_ = false;
  int64_t length_ = -1;  // -1: until the connection ends
};

}  // namespace

Result<int> SendLocal(const SocketAddress& address, const LocalRequest& request,
                      const std::function<bool(std::string_view)>& take) {
  WEIR_ASSIGN_OR_RETURN(auto socket, Socket::Connect(address, kConnectTimeoutMs));
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + address.ToString() +
                     "\r\nAccept: " + request.accept + "\r\nConnection: close\r\n";
  if (!request.body.empty()) {
    head += "Content-Type: application/json\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  for (const auto& [name, value] : request.headers) {
    const bool broken = (name + value).find_first_of("\r\n") != std::string::npos;
    if (!broken) head += name + ": " + value + "\r\n";
  }
  WEIR_RETURN_NOT_OK(socket->WriteAll(head + "\r\n" + request.body, kConnectTimeoutMs));
  Answer answer(socket.get());
  WEIR_ASSIGN_OR_RETURN(const int status, answer.ReadHead());
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const std::string piece, answer.ReadBody());
    if (piece.empty() || !take(piece)) return status;
  }
}

Result<std::string> FetchLocal(const SocketAddress& address, const LocalRequest& request) {
  std::string body;
  WEIR_ASSIGN_OR_RETURN(const int status, SendLocal(address, request, [&](std::string_view piece) {
                          body += piece;
                          return body.size() < kMaxBodyBytes;
                        }));
  if (status == 200) return body;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_string()) {
    return Status::Invalid(json["error"].get<std::string>());
  }
  return Status::Invalid("the run at ", address.ToString(), " answers ", status, " to ", request.target);
}

std::string UrlEncoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace weir
