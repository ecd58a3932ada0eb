// The HTTP server against a client that writes bytes: what it answers, what it refuses, and that it stops in time.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "net/socket.h"

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;

int64_t MsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Handle("POST", "/echo", [](HttpRequest& request, HttpResponse& response) {
      auto body = request.ReadWholeBody();
      if (body.ok()) (void)response.Send(200, "text/plain", *body);
    });
    server_.Handle("GET", "/items/{id}/parts/{part}", [](HttpRequest& request, HttpResponse& response) {
      response.SetHeader("X-Note", "a\r\nInjected: b");
      const std::string text =
          request.param("id") + "," + request.param("part") + "," + request.query("q").value_or("-");
      (void)response.Send(200, "text/plain", text);
    });
    server_.Handle("GET", "/stream", [](HttpRequest&, HttpResponse& response) {
      (void)response.StartStream(200, "text/event-stream");
      for (int i = 0; i < 3; ++i) (void)response.Write("data: " + std::to_string(i) + "\n\n");
    });
    server_.Handle("GET", "/endless", [this](HttpRequest&, HttpResponse& response) {
      (void)response.StartStream(200, "text/event-stream");
      ++endless_;
      while (response.open()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      --endless_;
    });
    server_.Handle("GET", "/silent", [](HttpRequest&, HttpResponse&) {});
    options_.max_body_bytes = 1000;
    options_.head_timeout_ms = 200;
    options_.read_timeout_ms = 200;
  }

  void Listen() { ASSERT_TRUE(server_.Listen(options_).ok()); }

  std::unique_ptr<Socket> Connect() { return Socket::Connect({"127.0.0.1", server_.port()}, 2000).ValueOrDie(); }

  // Everything that comes until the server closes.
  static std::string ReadToEnd(Socket& socket) {
    std::string text;
    char piece[4096];
    for (;;) {
      auto got = socket.ReadSome(piece, sizeof piece, 5000);
      if (!got.ok() || *got == 0) return text;
      text.append(piece, *got);
    }
  }

  std::string Ask(const std::string& request) {
    auto socket = Connect();
    EXPECT_TRUE(socket->WriteAll(request, 2000).ok());
    return ReadToEnd(*socket);
  }

  HttpServerOptions options_;
  HttpServer server_;
  std::atomic<int> endless_{0};
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const char kClose[] = " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

TEST_F(HttpServerTest, AnswersByMethodAndPath) {
  Listen();
  std::string answer = Ask(std::string("GET /items/a%20b/parts/7?x=1&q=c+d%21") + kClose);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\na b,7,c d!")) << answer;
  EXPECT_FALSE(Has(answer, "\r\nInjected")) << "a header value must not make lines: " << answer;
  EXPECT_TRUE(Has(Ask(std::string("GET /items/a/parts") + kClose), "404 Not Found"));
  answer = Ask(std::string("GET /echo") + kClose);
  EXPECT_TRUE(Has(answer, "405 Method Not Allowed") && Has(answer, "\r\nAllow: POST\r\n")) << answer;
  EXPECT_TRUE(Has(Ask(std::string("GET /silent") + kClose), "500 Internal Server Error"));
  answer = Ask(std::string("HEAD /items/a/parts/b") + kClose);
  EXPECT_TRUE(Has(answer, "Content-Length: 5\r\n") && answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, ReadsBodiesOfEveryFraming) {
  Listen();
  EXPECT_TRUE(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
                  .ends_with("\r\n\r\nhello"));
  EXPECT_TRUE(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n")
                  .ends_with("\r\n\r\nhello"));
  std::string answer =
      Ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"
          "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nb");
  EXPECT_TRUE(Has(answer, "\r\n\r\naHTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nb"))
      << "two in one connection: " << answer;
  auto socket = Connect();
  ASSERT_TRUE(socket
                  ->WriteAll("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\n"
                             "Content-Length: 2\r\n\r\n",
                             1000)
                  .ok());
  char first[12];
  ASSERT_EQ(socket->ReadSome(first, sizeof first, 2000).ValueOrDie(), 12);
  EXPECT_EQ(std::string(first, 12), "HTTP/1.1 100");
  ASSERT_TRUE(socket->WriteAll("ok", 1000).ok());
  EXPECT_TRUE(ReadToEnd(*socket).ends_with("\r\n\r\nok"));
}

TEST_F(HttpServerTest, RefusesWhatIsTooLongTooSlowOrBroken) {
  Listen();
  EXPECT_TRUE(Has(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"), "413 Payload Too Large"));
  EXPECT_TRUE(Has(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                      std::string(1001, 'x') + "\r\n0\r\n\r\n"),
                  "413 Payload Too Large"));
  EXPECT_TRUE(
      Has(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "400 Bad Request"));
  EXPECT_TRUE(Has(Ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"), "408 Request Timeout"));
  EXPECT_TRUE(Has(Ask("GET /silent HTTP/1.1\r\nX: "), "408 Request Timeout"));
  EXPECT_TRUE(Has(Ask("\x16\x03\x01 what\r\n\r\n"), "400 Bad Request"));
  EXPECT_TRUE(Has(Ask("GET /" + std::string(40'000, 'a') + kClose), "431 "));
  EXPECT_TRUE(Has(Ask(std::string("GET /items/a/parts/b") + kClose), "200 OK")) << "it serves on";
}

TEST_F(HttpServerTest, StreamsInChunksAndToOldClientsWithout) {
  Listen();
  EXPECT_TRUE(Ask(std::string("GET /stream") + kClose)
                  .ends_with("\r\n\r\n9\r\ndata: 0\n\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(Ask("GET /stream HTTP/1.0\r\n\r\n").ends_with("\r\n\r\ndata: 0\n\ndata: 1\n\ndata: 2\n\n"));
}

TEST_F(HttpServerTest, StopsWithClientsThatWait) {
  Listen();
  auto idle = Connect();
  auto busy = Connect();
  ASSERT_TRUE(busy->WriteAll(std::string("GET /endless") + kClose, 1000).ok());
  while (endless_ == 0) std::this_thread::yield();
  EXPECT_EQ(server_.active_requests(), 1);
  const auto start = Clock::now();
  server_.Stop(2000);
  EXPECT_LT(MsSince(start), 2000) << "an idle client and an open stream do not hold it";
  EXPECT_EQ(endless_, 0);
  EXPECT_FALSE(Socket::Connect({"127.0.0.1", server_.port()}, 500).ok());
}

TEST_F(HttpServerTest, IdleClientsMakeRoom) {
  options_.max_connections = 2;
  Listen();
  auto first = Connect(), second = Connect();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_TRUE(Has(Ask(std::string("GET /items/a/parts/b") + kClose), "200 OK"));
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  Listen();
  HttpServer other;
  HttpServerOptions same;
  same.port = server_.port();
  const Status status = other.Listen(same);
  EXPECT_TRUE(status.IsIOError() && Has(status.message(), "127.0.0.1:" + std::to_string(same.port))) << status;
}

TEST(SocketAddressTest, ReadsHostsAndPorts) {
  EXPECT_EQ(ParseSocketAddress(":8080")->ToString(), "127.0.0.1:8080");
  EXPECT_EQ(ParseSocketAddress("[::1]:0")->ToString(), "[::1]:0");
  EXPECT_EQ(ParseSocketAddress("0.0.0.0:65535")->host, "0.0.0.0");
  for (const char* bad : {"", "8080", "a:b", "a:70000", "::1:80", "http://a:80", "a b:1", "a:"}) {
    EXPECT_FALSE(ParseSocketAddress(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace weir
