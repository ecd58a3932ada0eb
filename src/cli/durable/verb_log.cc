// weir log: what the logs of durable runs are made of.
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/byte_size.h"
#include "cli/durable/log_folders.h"
#include "cli/verb.h"
#include "env/env.h"
#include "log/cell_record.h"
#include "log/lease.h"
#include "log/log_tail.h"
#include "log/segment.h"

namespace weir {
namespace {

struct Flags {
  std::string folder;
  bool json = false;
};

std::string KindName(uint8_t kind) {
  if (kind == kCommitKind) return "commit";
  if (kind == kSyncedKind) return "synced";
  if (kind == kCellsKind) return "cells";
  return "kind " + std::to_string(kind);
}

/// Of a record, what a line of `dump` says of it beside its head.
std::string Summary(const PlacedRecord& record, const std::string& payload) {
  if (record.header.kind != kCellsKind) return "";
  const Result<CellRecordHead> head = DecodeCellRecordHead(payload);
  int64_t cells = 0, deleted = 0;
  const Status visited = VisitCells(payload, 0, kGroupSlots, [&](const StateCell& cell) {
    ++cells;
    deleted += cell.deleted ? 1 : 0;
  });
  // Other logs may have records of the same kind that hold something else.
  if (!head.ok() || !visited.ok()) return "";
  return std::string(head->node) + ": " + std::to_string(cells) + " cells, " + std::to_string(deleted) + " deleted";
}

/// The committed records of a log, in order.
Status WalkLog(FileSystem& files, const LogTail& tail,
               const std::function<Status(const Segment&, const PlacedRecord&, const std::string&)>& visit) {
  for (size_t i = 0; i < tail.segments.size(); ++i) {
    const bool is_last = i + 1 == tail.segments.size();
    const int64_t limit = is_last ? tail.next_sequence : tail.segments[i + 1].header.first_sequence;
    WEIR_ASSIGN_OR_RETURN(const auto segment, Segment::Open(files, tail.segments[i].path));
    WEIR_ASSIGN_OR_RETURN(const Segment::End end,
                          segment->Walk(limit, [&](const PlacedRecord& record, const std::string& payload) {
                            return visit(*segment, record, payload);
                          }));
    if (end.sequence < limit) {
      return segment->Damaged(end.offset, "record " + std::to_string(end.sequence) + " should stand there");
    }
  }
  return Status::OK();
}

/// One log after the other; the first one that cannot be read decides the exit code, the others are tried all the same.
void ForEachLog(const Flags& flags, CliContext& context,
                const std::function<Status(FileSystem& files, const LogFolder& log)>& call) {
  const Result<std::vector<LogFolder>> logs = FindLogs(flags.folder);
  if (!context.Usable(logs.status())) return;
  for (const LogFolder& log : *logs) {
    const Status status = call(Env::Real().files(), log);
    if (status.ok()) continue;
    context.exit_code = kExitRunFailed;
    std::fprintf(stderr, "weir: %s\n", status.message().c_str());
  }
}

Status List(FileSystem& files, const LogFolder& log, bool json) {
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, log.path));
  WEIR_ASSIGN_OR_RETURN(const LeaseFacts lease, ReadLease(files, log.path));
  if (!json) {
    std::printf("%s%s%s: epoch %lld, %zu segments, owner %lld%s\n", log.name.c_str(), log.name.empty() ? "" : " in ",
                log.path.c_str(), static_cast<long long>(tail.epoch), tail.segments.size(),
                static_cast<long long>(lease.owner), lease.holder.empty() ? "" : (" (" + lease.holder + ")").c_str());
  }
  for (size_t i = 0; i < tail.segments.size(); ++i) {
    const SegmentFile& segment = tail.segments[i];
    const bool is_last = i + 1 == tail.segments.size();
    const int64_t end = is_last ? tail.next_sequence : tail.segments[i + 1].header.first_sequence;
    WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(segment.path));
    if (json) {
      nlohmann::json line = {{"log", log.path},
                             {"name", log.name},
                             {"segment", BaseName(segment.path)},
                             {"bytes", info.size_bytes},
                             {"first", segment.header.first_sequence},
                             {"last", end - 1},
                             {"owner", segment.header.owner},
                             {"durability", DurabilityName(segment.header.durability)},
                             {"epoch", tail.epoch}};
      std::printf("%s\n", line.dump().c_str());
    } else {
      std::printf("  %s  %9s  records %lld to %lld, owner %lld, durability %s\n", BaseName(segment.path).c_str(),
                  FormatByteSize({info.size_bytes}).c_str(), static_cast<long long>(segment.header.first_sequence),
                  static_cast<long long>(end - 1), static_cast<long long>(segment.header.owner),
                  DurabilityName(segment.header.durability));
    }
  }
  return Status::OK();
}

Status Verify(FileSystem& files, const LogFolder& log, bool json) {
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, log.path));
  int64_t records = 0, commits = 0, bytes = 0;
  WEIR_RETURN_NOT_OK(WalkLog(files, tail, [&](const Segment&, const PlacedRecord& record, const std::string&) {
    ++records;
    commits += record.header.kind == kCommitKind ? 1 : 0;
    bytes += record.header.record_bytes();
    return Status::OK();
  }));
  const int64_t behind = tail.segments.empty() ? 0 : tail.file_bytes - tail.end_offset;
  if (json) {
    nlohmann::json line = {{"log", log.path}, {"ok", true},          {"records", records},         {"commits", commits},
                           {"bytes", bytes},  {"epoch", tail.epoch}, {"uncommitted_bytes", behind}};
    std::printf("%s\n", line.dump().c_str());
    return Status::OK();
  }
  std::printf("%s is whole: %lld records, %lld commits, %s, last epoch %lld\n", log.path.c_str(),
              static_cast<long long>(records), static_cast<long long>(commits), FormatByteSize({bytes}).c_str(),
              static_cast<long long>(tail.epoch));
  if (behind > 0) {
    std::printf("  %lld bytes behind the last commit are of no epoch: the next run cuts them off\n",
                static_cast<long long>(behind));
  }
  return Status::OK();
}

Status Dump(FileSystem& files, const LogFolder& log, bool json) {
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, log.path));
  return WalkLog(files, tail, [&](const Segment& segment, const PlacedRecord& record, const std::string& payload) {
    const std::string summary = Summary(record, payload);
    const RecordHeader& header = record.header;
    if (json) {
      nlohmann::json line = {{"segment", segment.path()},     {"offset", record.offset},
                             {"sequence", header.sequence},   {"epoch", header.epoch},
                             {"kind", KindName(header.kind)}, {"bytes", header.size}};
      if (!summary.empty()) line["summary"] = summary;
      std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
      return Status::OK();
    }
    std::printf("%s:%-9lld  %8lld  epoch %-6lld  %-7s  %9s  %s\n", BaseName(segment.path()).c_str(),
                static_cast<long long>(record.offset), static_cast<long long>(header.sequence),
                static_cast<long long>(header.epoch), KindName(header.kind).c_str(),
                FormatByteSize({header.size}).c_str(), summary.c_str());
    return Status::OK();
  });
}

using Call = Status (*)(FileSystem&, const LogFolder&, bool json);

void Add(Command parent, CliContext& context, const char* name, const char* summary, const char* examples, Call call) {
  auto flags = std::make_shared<Flags>();
  Command verb = parent.AddVerb(name, summary);
  verb.AddOption("folder", &flags->folder, "folder of a durable run, or of one log").Required();
  verb.AddFlag("--json", &flags->json, "as JSON objects, one per line");
  verb.SetFooter(examples);
  verb.OnRun([flags, call, &context] {
    ForEachLog(*flags, context, [&](FileSystem& files, const LogFolder& log) { return call(files, log, flags->json); });
  });
}

}  // namespace

void AddLogVerb(Command app, CliContext& context) {
  Command verb = app.AddVerb("log", "Look into the logs that durable runs keep: ls, verify, dump");
  verb.SetFooter(
      "Nothing is changed, and a run may go on meanwhile.\nExamples:\n  weir log ls state/\n  weir log verify state/");
  Add(verb, context, "ls", "List the segments of each log",
      "Examples:\n  weir log ls state/\n  weir log ls --json state/ | jq .bytes", List);
  Add(verb, context, "verify", "Read every record and check it; exits with 1 where one is damaged",
      "Examples:\n  weir log verify state/\n  weir log verify --json state/stages/main/log", Verify);
  Add(verb, context, "dump", "Print a line for every record",
      "Examples:\n  weir log dump state/ | tail\n  weir log dump --json state/ | jq 'select(.kind == \"commit\")'",
      Dump);
}

}  // namespace weir
