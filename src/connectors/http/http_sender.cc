// Retries: exponential with jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015: equal jitter), but
// never before the time that a Retry-After names.
#include "connectors/http/http_sender.h"

#include <algorithm>

#include "env/env.h"

namespace weir {
namespace {

constexpr int64_t kFirstPauseUs = 100'000;
constexpr int64_t kMaxPauseUs = 30'000'000;
/// A server may ask for a longer pause than this; then the request is tried earlier.
constexpr int64_t kMaxAskedPauseUs = 300'000'000;
constexpr size_t kExcerptBytes = 300;

std::string FailureText(const HttpAnswer& answer) {
  std::string text = "the server answered " + std::to_string(answer.status);
  const std::string_view body(answer.body);
  const size_t end = std::min(body.find_last_not_of(" \t\r\n") + 1, kExcerptBytes);
  if (end > 0) text += ": " + std::string(body.substr(0, end)) + (end == kExcerptBytes ? "…" : "");
  return text;
}

}  // namespace

Result<std::unique_ptr<HttpSender>> HttpSender::Make(HttpSenderOptions options) {
  std::unique_ptr<HttpSender> sender(new HttpSender(std::move(options)));
  HttpClientOptions client = sender->options_.client;
  client.cancelled = &sender->stopping_;
  for (int i = 0; i < sender->options_.concurrency; ++i) {
    WEIR_ASSIGN_OR_RETURN(auto made, HttpClient::Make(client));
    sender->clients_.push_back(std::move(made));
  }
  for (size_t i = 0; i < sender->clients_.size(); ++i) {
    sender->threads_.emplace_back([raw = sender.get(), i] { raw->Work(*raw->clients_[i], raw->options_.seed + i); });
  }
  return sender;
}

HttpSender::~HttpSender() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool HttpSender::has_room() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(waiting_.size()) + under_way_ < 2 * options_.concurrency;
}

bool HttpSender::idle() const {
  std::lock_guard lock(mutex_);
  return waiting_.empty() && under_way_ == 0;
}

void HttpSender::WaitForChange(int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms));
}

void HttpSender::Add(std::unique_ptr<HttpDelivery> delivery) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(delivery));
  }
  changed_.notify_all();
}

std::vector<std::unique_ptr<HttpDelivery>> HttpSender::TakeFailed() {
  std::lock_guard lock(mutex_);
  for (const auto& delivery : failed_) {
    if (delivery->number > 0) over_.push_back(delivery->number);
  }
  return std::exchange(failed_, {});
}

std::vector<int64_t> HttpSender::TakeOver() {
  std::lock_guard lock(mutex_);
  return std::exchange(over_, {});
}

void HttpSender::Work(HttpClient& client, uint64_t seed) {
  SetThreadName("http-sender");
  std::mt19937_64 random(seed);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    std::unique_ptr<HttpDelivery> delivery = std::move(waiting_.front());
    waiting_.pop_front();
    ++under_way_;
    lock.unlock();
    delivery->failure = Deliver(client, *delivery, random);
    lock.lock();
    --under_way_;
    if (stopping_) return;  // whether it has arrived is not known
    if (!delivery->failure.empty()) {
      failed_.push_back(std::move(delivery));
    } else if (delivery->number > 0) {
      over_.push_back(delivery->number);
    }
    changed_.notify_all();
  }
}

std::string HttpSender::Deliver(HttpClient& client, const HttpDelivery& delivery, std::mt19937_64& random) {
  HttpCall call{options_.method, options_.url, options_.headers, delivery.body};
  call.headers.emplace_back("Idempotency-Key", delivery.key);
  const int64_t begin_us = Env::Real().SteadyTimeNs() / 1000;
  for (int64_t pause_us = kFirstPauseUs;; pause_us = std::min(2 * pause_us, kMaxPauseUs)) {
    auto answer = client.Send(call);
    int64_t wait_us = pause_us / 2 + static_cast<int64_t>(random() % static_cast<uint64_t>(pause_us / 2 + 1));
    std::string failure;
    if (answer.ok()) {
      if (answer->status >= 200 && answer->status < 300) return "";
      failure = FailureText(*answer);
      if (!IsRetryableStatus(answer->status)) return failure;
      const auto asked_us = answer->retry_after_us(Env::Real().WallTime());
      if (asked_us) wait_us = std::max(wait_us, std::min(*asked_us, kMaxAskedPauseUs));
    } else {
      failure = answer.status().message();
      // The answer was too long to read, or the request can never be sent: another try would end in the same way.
      if (!answer.status().IsIOError()) return failure;
    }
    const int64_t spent_us = Env::Real().SteadyTimeNs() / 1000 - begin_us;
    if (spent_us + wait_us > options_.max_retry_us) return failure + " (given up after trying again)";
    if (!Pause(wait_us)) return "the run ends";
  }
}

bool HttpSender::Pause(int64_t us) {
  std::unique_lock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  return !changed_.wait_until(lock, until, [&] { return stopping_.load(); });
}

}  // namespace weir
