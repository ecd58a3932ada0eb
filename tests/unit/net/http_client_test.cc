// The HTTP client against our own server: answers, limits, redirects, and what it says where there is no answer.
#include "net/http_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/http_server.h"
#include "net/socket.h"

namespace weir {
namespace {

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Handle("PUT", "/echo", [](HttpRequest& request, HttpResponse& response) {
      const std::string body = request.ReadWholeBody().ValueOrDie();
      response.SetHeader("X-Got", std::string(request.header("X-Sent")) + "," + std::string(request.header("Expect")));
      (void)response.Send(201, "text/plain", body);
    });
    server_.Handle("GET", "/big", [](HttpRequest&, HttpResponse& response) {
      (void)response.StartStream(200, "text/plain");
      for (int i = 0; i < 100; ++i) (void)response.Write(std::string(100, 'x'));
    });
    server_.Handle("GET", "/hop/{n}", [](HttpRequest& request, HttpResponse& response) {
      const int n = request.param("n")[0] - '0';
      if (n > 0) response.SetHeader("Location", "/hop/" + std::to_string(n - 1));
      (void)response.Send(n > 0 ? 302 : 200, "text/plain", "there");
    });
    server_.Handle("GET", "/slow", [](HttpRequest&, HttpResponse& response) {
      while (response.open()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    ASSERT_TRUE(server_.Listen({}).ok());
    options_.max_body_bytes = 5000;
    options_.max_redirects = 3;
  }

  Result<HttpAnswer> Send(const HttpCall& call) {
    if (!client_) client_ = HttpClient::Make(options_).ValueOrDie();
    return client_->Send(call);
  }
  std::string Url(const std::string& path) { return "http://127.0.0.1:" + std::to_string(server_.port()) + path; }

  HttpServer server_;
  HttpClientOptions options_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsAndReads) {
  const std::string body(3000, 'b');
  for (int i = 0; i < 3; ++i) {
    auto answer = Send({"PUT", Url("/echo"), {{"X-Sent", "a"}}, body}).ValueOrDie();
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.header("x-got"), "a,");
  }
  EXPECT_EQ(Send({"GET", Url("/echo"), {}, ""})->status, 405);
}

TEST_F(HttpClientTest, KeepsItsLimits) {
  EXPECT_TRUE(Send({"GET", Url("/big"), {}, ""}).status().IsCapacityError());
  EXPECT_EQ(Send({"GET", Url("/hop/3"), {}, ""})->body, "there");
  EXPECT_TRUE(Send({"GET", Url("/hop/4"), {}, ""}).status().IsIOError());
  EXPECT_TRUE(Send({"GET", "file:///etc/passwd", {}, ""}).status().IsInvalid());
  EXPECT_TRUE(Send({"GET", Url("/big"), {{"X", "a\r\nY: b"}}, ""}).status().IsInvalid());
}

TEST_F(HttpClientTest, SaysWhyThereIsNoAnswer) {
  options_.timeout_ms = 200;
  const Status slow = Send({"GET", Url("/slow?token=s3cret"), {}, ""}).status();
  EXPECT_TRUE(slow.IsIOError());
  EXPECT_EQ(slow.message().find("s3cret"), std::string::npos) << slow;
  auto free = Listener::Open({"127.0.0.1", 0}).ValueOrDie();
  const std::string url = "http://user:pass@127.0.0.1:" + std::to_string(free->port()) + "/x";
  free.reset();
  const Status refused = Send({"GET", url, {}, ""}).status();
  EXPECT_TRUE(refused.IsIOError());
  EXPECT_NE(refused.message().find("***@127.0.0.1"), std::string::npos) << refused;
  EXPECT_EQ(refused.message().find("pass"), std::string::npos) << refused;
}

TEST_F(HttpClientTest, IsCancelled) {
  std::atomic<bool> cancelled{false};
  options_.cancelled = &cancelled;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancelled = true;
  });
  EXPECT_TRUE(Send({"GET", Url("/slow"), {}, ""}).status().IsCancelled());
  later.join();
}

TEST(HttpTextTest, UrlsAndRetryAfter) {
  EXPECT_EQ(RedactUrl("https://u:p@h:1/a/b?k=v#f"), "https://***@h:1/a/b?…");
  EXPECT_EQ(RedactUrl("http://h"), "http://h");
  EXPECT_EQ(ResolveUrl("http://h/a/b?x=1", "c?y=2"), "http://h/a/c?y=2");
  EXPECT_EQ(ResolveUrl("http://h/a/b?x=1", "?y=2"), "http://h/a/b?y=2");
  EXPECT_EQ(ResolveUrl("http://h", "c"), "http://h/c");
  EXPECT_EQ(ResolveUrl("https://h/a", "/c"), "https://h/c");
  EXPECT_EQ(ResolveUrl("https://h/a", "//g/c"), "https://g/c");
  EXPECT_EQ(ResolveUrl("https://h/a", "http://g/c"), "http://g/c");
  HttpAnswer answer;
  EXPECT_FALSE(answer.retry_after_us(0));
  answer.headers = {{"retry-after", "120"}};
  EXPECT_EQ(answer.retry_after_us(0), 120'000'000);
  answer.headers = {{"retry-after", "Thu, 01 Jan 1970 00:01:40 GMT"}};
  EXPECT_EQ(answer.retry_after_us(40'000'000), 60'000'000);
  answer.headers = {{"retry-after", "soon"}};
  EXPECT_FALSE(answer.retry_after_us(0));
}

}  // namespace
}  // namespace weir
