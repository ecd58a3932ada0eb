// HttpSender: threads that send bodies to one URL, again and again until each is answered or given up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "batch/batch.h"
#include "net/http_client.h"

namespace weir {

struct HttpSenderOptions {
  HttpClientOptions client;
  std::string url, method;
  HttpHeaders headers;
  int concurrency = 1;       // requests under way at once
  int64_t max_retry_us = 0;  // from the first try of a request to the last
  uint64_t seed = 0;         // of the jitter between tries
};

/// A body and the rows that it was made of.
struct HttpDelivery {
  std::string body;
  std::string key;  // Idempotency-Key: the same at each try
  std::vector<Batch> rows;
  int64_t number = 0;   // of a durable run: TakeOver names it when it is over
  std::string failure;  // why it was given up
};

/// Thread-safe. At most 2 × concurrency deliveries wait or are under way.
class HttpSender {
 public:
  /// Errors: as HttpClient::Make.
  static Result<std::unique_ptr<HttpSender>> Make(HttpSenderOptions options);
  ~HttpSender();  // gives up what is under way

  bool has_room() const;
  /// Nothing waits and nothing is under way.
  bool idle() const;
  /// Waits at most `ms` until something is answered or given up.
  void WaitForChange(int64_t ms);
  /// Takes a delivery, also where there is no room: who adds asks first.
  void Add(std::unique_ptr<HttpDelivery> delivery);
  /// Those that were given up since the last call: refused by an answer that no repetition changes, or not answered
  /// well for max_retry_us.
  std::vector<std::unique_ptr<HttpDelivery>> TakeFailed();
  /// The numbers of those that were delivered, or taken by TakeFailed, since the last call; of those that have one.
  std::vector<int64_t> TakeOver();

 private:
  explicit HttpSender(HttpSenderOptions options) : options_(std::move(options)) {}
  void Work(HttpClient& client, uint64_t seed);
  /// Empty when it was delivered; else why not.
  std::string Deliver(HttpClient& client, const HttpDelivery& delivery, std::mt19937_64& random);
  /// False when the sender is stopped meanwhile.
  bool Pause(int64_t us);

  const HttpSenderOptions options_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<HttpDelivery>> waiting_;
  std::vector<std::unique_ptr<HttpDelivery>> failed_;
  std::vector<int64_t> over_;
  int under_way_ = 0;
  std::vector<std::unique_ptr<HttpClient>> clients_;
  std::vector<std::thread> threads_;  // last: they use the rest
};

}  // namespace weir
