// Cells: table 0, a request by its number, as its rows (connectors/support/outbox_file.h); table 1, the last number.
#include "connectors/http/http_outbox.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "connectors/support/outbox_file.h"
#include "connectors/support/position.h"
#include "state/snapshot/state_bytes.h"

namespace weir {
namespace {

constexpr int kRequests = 0, kLastNumber = 1;

std::string NumberBytes(int64_t number) {
  std::string bytes;
  StateWriter(&bytes).Int(number);
  return bytes;
}

Result<std::string> RowsToBytes(const std::vector<Batch>& rows, const SchemaPtr& schema) {
  WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create());
  OutboxEncoder encoder(stream.get(), schema);
  for (const Batch& batch : rows) WEIR_RETURN_NOT_OK(encoder.Write(batch.Compact()));
  WEIR_RETURN_NOT_OK(encoder.Finish());
  WEIR_ASSIGN_OR_RETURN(const auto bytes, stream->Finish());
  return bytes->ToString();
}

}  // namespace

// The key also says what is in the request: at the end of a run, requests may go out that no record holds, and a later
// run may cut the same rows in another way.
void HttpOutbox::SetKey(HttpDelivery* delivery) const {
  char hash[20];
  std::snprintf(hash, sizeof hash, "-%016llx", static_cast<unsigned long long>(StableHash(delivery->body)));
  delivery->key = prefix_ + "-" + std::to_string(delivery->number) + hash;
}

void HttpOutbox::Add(std::unique_ptr<HttpDelivery> delivery) {
  delivery->number = ++last_number_;
  SetKey(delivery.get());
  gathered_.push_back(std::move(delivery));
}

void HttpOutbox::MoveTo(Deliveries* from, Deliveries* to) {
  std::move(from->begin(), from->end(), std::back_inserter(*to));
  from->clear();
}

Status HttpOutbox::EndEpoch(HttpSender* sender, StateCells* cells) {
  for (const int64_t number : sender->TakeOver()) cells->Delete(kRequests, kNoKeyGroup, NumberBytes(number));
  for (const auto& delivery : gathered_) {
    WEIR_ASSIGN_OR_RETURN(const std::string rows, RowsToBytes(delivery->rows, schema_));
    cells->Put(kRequests, kNoKeyGroup, NumberBytes(delivery->number), rows);
  }
  if (!gathered_.empty()) cells->Put(kLastNumber, kNoKeyGroup, "", NumberBytes(last_number_));
  MoveTo(&recorded_, &ready_);
  MoveTo(&gathered_, &recorded_);
  return Status::OK();
}

Status HttpOutbox::Restore(const StateCells& cells, const MakeBody& make_body) {
  for (int64_t i = 0; i < cells.size(); ++i) {
    const StateCell cell = cells.at(i);
    if (cell.deleted) continue;
    StateReader number(cell.table == kRequests ? cell.key : cell.value);
    if (cell.table == kLastNumber) {
      last_number_ = number.Int();
      continue;
    }
    auto delivery = std::make_unique<HttpDelivery>();
    delivery->number = number.Int();
    WEIR_ASSIGN_OR_RETURN(delivery->rows, DecodeOutbox(arrow::Buffer::FromString(std::string(cell.value))));
    WEIR_ASSIGN_OR_RETURN(delivery->body, make_body(delivery->rows));
    SetKey(delivery.get());
    ready_.push_back(std::move(delivery));
  }
  std::sort(ready_.begin(), ready_.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
  return Status::OK();
}

void HttpOutbox::Send(HttpSender* sender) {
  while (!ready_.empty() && sender->has_room()) {
    sender->Add(std::move(ready_.front()));
    ready_.pop_front();
  }
}

void HttpOutbox::ReleaseAll() {
  MoveTo(&recorded_, &ready_);
  MoveTo(&gathered_, &ready_);
}

}  // namespace weir
