// The last three records of a log cut at every byte and flipped at every bit of their heads; and damage before them,
// which is an error that names file and offset.
#include <random>

#include "crash/workload.h"
#include "log/chunk_log.h"

namespace weir {
namespace {

constexpr int64_t kEpochs = 5;

struct Written {
  SimulatedFileSystem files;
  std::string path;                   // of the one segment
  std::vector<PlacedRecord> records;  // all
  std::vector<std::string> payloads;  // of commits, by epoch
};

/// Epochs of two records and a commit each. `marked`: the last one ends with the record that says that it was synced.
Status WriteLog(std::mt19937_64& random, size_t payload_bytes, bool marked, Written* written) {
  WEIR_ASSIGN_OR_RETURN(auto log, ChunkLog::Open(written->files, kFolder, {}));
  written->path = log->segments().back().path;
  written->payloads.push_back("");
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    for (int i = 0; i < 2; ++i) {
      std::string payload(payload_bytes, '\0');
      for (char& byte : payload) byte = static_cast<char>(random());
      WEIR_RETURN_NOT_OK(log->Append(kFirstUserKind, payload).status());
    }
    written->payloads.push_back("epoch " + std::to_string(epoch) + std::string(random() % 9, '.'));
    WEIR_RETURN_NOT_OK(log->Commit(epoch, written->payloads.back()));
  }
  WEIR_ASSIGN_OR_RETURN(auto segment, Segment::Open(written->files, written->path));
  WEIR_RETURN_NOT_OK(segment
                         ->Walk(INT64_MAX,
                                [&](const PlacedRecord& record, const std::string&) {
                                  written->records.push_back(record);
                                  return Status::OK();
                                })
                         .status());
  if (marked) return Status::OK();
  written->files.Bytes(written->path)->resize(static_cast<size_t>(written->records.back().offset));
  written->records.pop_back();
  return Status::OK();
}

/// What must come of a damaged copy: the epoch that is found, or an error at this offset.
struct Expected {
  int64_t epoch = 0;
  int64_t error_offset = -1;
};

Status Check(const Written& written, SimulatedFileSystem& files, Expected expected) {
  Result<std::unique_ptr<ChunkLog>> log = ChunkLog::Open(files, kFolder, {});
  if (expected.error_offset >= 0) {
    if (log.ok()) return Status::Invalid("the damage is not seen");
    const std::string place =
        "'" + written.path + "' is damaged at offset " + std::to_string(expected.error_offset) + ":";
    if (log.status().message().find(place) != std::string::npos) return Status::OK();
    return Status::Invalid("the error does not say \"", place, "\": ", log.status().message());
  }
  WEIR_RETURN_NOT_OK(log.status());
  if ((*log)->epoch() != expected.epoch) return Status::Invalid("epoch ", (*log)->epoch(), ", not ", expected.epoch);
  if ((*log)->recovered_payload() != written.payloads[static_cast<size_t>(expected.epoch)]) {
    return Status::Invalid("a commit has another payload");
  }
  // What was added behind a torn end is there when the log is opened again.
  WEIR_RETURN_NOT_OK((*log)->Append(kFirstUserKind, "more").status());
  WEIR_RETURN_NOT_OK((*log)->Commit(kEpochs + 1, "more"));
  log->reset();
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, kFolder));
  return tail.epoch == kEpochs + 1 ? Status::OK() : Status::Invalid("what was added is lost");
}

class Harm {
 public:
  Harm(const Written& written, std::string name, Findings* findings)
      : written_(written), name_(std::move(name)), findings_(findings) {}

  void Cut(int64_t at, Expected expected) {
    const auto copy = written_.files.Clone();
    copy->Bytes(written_.path)->resize(static_cast<size_t>(at));
    Finish(*copy, "cut at " + std::to_string(at), expected);
  }
  void Flip(int64_t at, int bit, Expected expected) {
    const auto copy = written_.files.Clone();
    (*copy->Bytes(written_.path))[static_cast<size_t>(at)] ^= static_cast<char>(1 << bit);
    Finish(*copy, "bit " + std::to_string(bit) + " of byte " + std::to_string(at), expected);
  }

 private:
  void Finish(SimulatedFileSystem& files, const std::string& what, Expected expected) {
    findings_->Case();
    const Status status = Check(written_, files, expected);
    if (!status.ok()) findings_->Wrong(name_ + ", " + what + ": " + status.message());
  }

  const Written& written_;
  const std::string name_;
  Findings* const findings_;
};

/// All bits of a record's head, and one of each byte of its payload.
void FlipRecord(Harm& harm, const PlacedRecord& record, Expected expected) {
  for (int64_t at = 0; at < kRecordHeaderBytes + int64_t{record.header.size}; ++at) {
    const int bits = at < kRecordHeaderBytes ? 8 : 1;
    for (int bit = 0; bit < bits; ++bit) harm.Flip(record.offset + at, bit, expected);
  }
}

void HarmLog(const Written& written, bool marked, Harm& harm) {
  const size_t count = written.records.size();
  const PlacedRecord& commit = written.records[count - (marked ? 2 : 1)];
  for (int64_t at = written.records[count - 3].offset; at < written.records.back().end_offset(); ++at) {
    harm.Cut(at, {at >= commit.end_offset() ? kEpochs : kEpochs - 1});
  }
  for (size_t i = count - 3; i < count; ++i) {
    const PlacedRecord& record = written.records[i];
    // What is known to have been synced is damaged; what is not may have been lost with the power.
    const bool known = marked && record.header.sequence <= commit.header.sequence;
    const int64_t epoch = record.header.sequence <= commit.header.sequence ? kEpochs - 1 : kEpochs;
    FlipRecord(harm, record, known ? Expected{0, record.offset} : Expected{epoch});
  }
  const PlacedRecord& middle = written.records[count / 2];
  FlipRecord(harm, middle, {0, middle.offset});
}

}  // namespace

Findings CutAndFlipTails(uint64_t seed) {
  Findings findings;
  std::mt19937_64 random(seed);
  for (const size_t payload_bytes : {0, 1, 8, 100, 701}) {
    for (const bool marked : {true, false}) {
      Written written;
      const Status status = WriteLog(random, payload_bytes, marked, &written);
      if (!status.ok()) findings.Wrong(status.message());
      Harm harm(written, "payloads of " + std::to_string(payload_bytes) + (marked ? ", marked" : ", unmarked"),
                &findings);
      HarmLog(written, marked, harm);
    }
  }
  return findings;
}

}  // namespace weir
