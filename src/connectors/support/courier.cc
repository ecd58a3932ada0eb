// Tries, pauses, the rate limit and what is said of them.
#include "connectors/support/courier.h"

#include <algorithm>
#include <chrono>

#include "engine/run_facts.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr int64_t kMaxOpenUs = 10'000'000;  // who starts a run with a wrong address should hear of it
constexpr int64_t kSliceUs = 20'000;        // how soon a pause ends after the run is cancelled
constexpr int64_t kSayEveryUs = 10'000'000;

int64_t NowUs() { return Env::Real().SteadyTimeNs() / 1000; }

}  // namespace

int64_t Delivery::num_rows() const {
  int64_t count = 0;
  for (const Batch& batch : rows) count += batch.num_rows();
  return count;
}

bool Courier::cancelled() const {
  return stopped_ || (context_.cancelled != nullptr && context_.cancelled->load(std::memory_order_relaxed));
}

Status Courier::Pause(int64_t us) {
  std::unique_lock lock(pause_mutex_);
  for (const int64_t until_us = NowUs() + us;;) {
    if (cancelled()) return Status::Cancelled("the run ends");
    const int64_t left_us = until_us - NowUs();
    if (left_us <= 0) return Status::OK();
    stop_.wait_for(lock, std::chrono::microseconds(std::min(left_us, kSliceUs)));
  }
}

void Courier::Say(const std::string& text) {
  const int64_t now_us = NowUs();
  if (context_.run == nullptr || now_us - said_us_ < kSayEveryUs) return;
  said_us_ = now_us;
  const auto& steps = context_.run->plan().steps;
  const auto at =
      std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.name == context_.step; });
  if (at == steps.end()) return;
  context_.run->messages().Add(static_cast<int>(at - steps.begin()), MessageLevel::kWarning, text,
                               Env::Real().WallTime());
}

Status Courier::Open(const OperatorContext& context, const std::string& writer_id) {
  context_ = context;
  counted_ = target_->transactional() && !writer_id.empty();
  RetryConfig retry = retry_;
  retry.max.us = std::min(retry.max.us, kMaxOpenUs);
  RetryPauses pauses(retry, Env::Real().RandomSeed());
  for (const int64_t begin_us = NowUs();;) {
    const Status status = target_->Open(context, writer_id);
    connected_ = status.ok();
    if (status.ok() || !status.IsIOError()) return status;
    const auto pause_us = pauses.Next(NowUs() - begin_us);
    if (!pause_us) return status;
    WEIR_RETURN_NOT_OK(Pause(*pause_us));
  }
}

Status Courier::TryOnce(const Delivery& delivery, std::vector<RefusedRows>* refused) {
  if (!connected_) {
    WEIR_RETURN_NOT_OK(target_->Reopen());
    connected_ = true;
    if (counted_) {
      // The answer to a commit was lost, not the commit: what that try refused still stands in *refused.
      WEIR_ASSIGN_OR_RETURN(const int64_t last, target_->LastDelivered());
      if (last >= delivery.number) return Status::OK();
    }
  }
  refused->clear();
  return target_->Deliver(delivery, refused);
}

Status Courier::Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) {
  if (rows_per_s_ > 0 && NowUs() < free_at_us_) WEIR_RETURN_NOT_OK(Pause(free_at_us_ - NowUs()));
  const int64_t begin_us = NowUs();
  RetryPauses pauses(retry_, Env::Real().RandomSeed());
  for (bool again = false;; again = true) {
    const Status status = TryOnce(delivery, refused);
    if (status.ok()) {
      if (rows_per_s_ > 0) {
        free_at_us_ = begin_us + static_cast<int64_t>(static_cast<double>(delivery.num_rows()) / rows_per_s_ * 1e6);
      }
      if (again) Say("the target takes rows again");
      return status;
    }
    if (!status.IsIOError()) return status;
    connected_ = false;
    const auto pause_us = pauses.Next(NowUs() - begin_us);
    if (!pause_us) {
      return status.WithMessage(status.message(), again ? "\n  = help: it was tried again for as long as 'retry: {max: "
                                                          "…}' allows"
                                                        : "");
    }
    Say("trying again: " + status.message());
    WEIR_RETURN_NOT_OK(Pause(*pause_us));
  }
}

}  // namespace weir
