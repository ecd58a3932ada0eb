// Files in turn; a stream without waiting for it.
#include "connectors/files/endless/tail_source.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "connectors/files/endless/tailed_file.h"
#include "connectors/support/position.h"
#include "env/file_descriptor.h"
#include "env/folder_notices.h"
#include "env/glob.h"

namespace weir {
namespace {

constexpr int64_t kListEveryUs = 1'000'000;
/// Where the system gives no notice of a change, and for the checks of names.
constexpr int64_t kSweepEveryUs = 200'000;

Status EmitPart(const TailSourceOptions& options, FileBatch part, const std::string& path, int split,
                EventTimeTracker* times, Emitter& out) {
  WEIR_RETURN_NOT_OK(out.RejectRaw(part.errors));
  if (part.batch.num_rows() > 0) {
    if (options.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(part.batch, WithFileName(part.batch, options.filename_column, path));
    }
    WEIR_RETURN_NOT_OK(times->Emit(split, std::move(part.batch), out));
  }
  times->EndPiece(split);
  return Status::OK();
}

std::string HexText(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string TextOfHex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  }
  return bytes;
}

/// Standard input as a stream whose reads give what is there.
class AvailableInput final : public arrow::io::InputStream {
 public:
  explicit AvailableInput(std::shared_ptr<DescriptorInput> raw) : raw_(std::move(raw)) {}
  Result<int64_t> Read(int64_t nbytes, void* out) override {
    WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> got, raw_->ReadAvailable(nbytes, out));
    ended_ = ended_ || (nbytes > 0 && got == 0);
    return got.value_or(0);
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    WEIR_ASSIGN_OR_RETURN(const int64_t got, Read(nbytes, buffer->mutable_data()));
    WEIR_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  Result<int64_t> Tell() const override { return raw_->Tell(); }
  Status Close() override { return raw_->Close(); }
  bool closed() const override { return raw_->closed(); }
  bool ended() const { return ended_; }

 private:
  const std::shared_ptr<DescriptorInput> raw_;
  bool ended_ = false;
};

}  // namespace

class TailSource::Files final : public SourceReader {
 public:
  Files(TailSource* source, const OperatorContext& context)
      : source_(source),
        options_(source->options_),
        format_(source->format_),
        context_(context),
        limits_{options_.max_record_bytes, std::max<int64_t>(1, context.batch_rows)},
        times_(options_.event_time) {
    source_->files_ = this;
  }
  ~Files() override {
    source_->position_ = Position();
    source_->files_ = nullptr;
  }

  std::string Position() const {
    nlohmann::json files = nlohmann::json::array(), finished = nlohmann::json::array();
    for (const FileInfo& info : finished_) finished.push_back(info.inode);
    for (const Followed& followed : files_) {
      nlohmann::json file = {{"path", followed.file->path()}, {"split", followed.split}};
      if (const auto place = followed.file->place()) {
        file["inode"] = place->inode;
        file["offset"] = place->text.offset;
        file["state"] = place->text.state;
        file["head"] = HexText(place->head);
      }
      files.push_back(std::move(file));
      if (const FileInfo& read = followed.file->finished(); read.kind != FileKind::kNone)
        finished.push_back(read.inode);
    }
    return PrintPosition(
        {{"files", std::move(files)}, {"finished", std::move(finished)}, {"times", times_.Position()}});
  }

  Status Restore(const std::string& text) {
    WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
    WEIR_RETURN_NOT_OK(times_.Restore(TextAt(position, "times")));
    from_end_ = false;  // what is new came while nobody looked
    for (const nlohmann::json& inode : ListAt(position, "finished")) {
      if (!inode.is_number_integer()) continue;
      finished_.push_back({.kind = FileKind::kFile, .inode = inode.get<uint64_t>()});
    }
    for (const nlohmann::json& file : ListAt(position, "files")) {
      auto tailed = std::make_unique<TailedFile>(TextAt(file, "path"), false, context_.env, format_.get(), limits_);
      if (file.contains("offset")) {
        const TailedFile::Place place{static_cast<uint64_t>(IntAt(file, "inode")),
                                      {IntAt(file, "offset"), static_cast<int>(IntAt(file, "state"))},
                                      TextOfHex(TextAt(file, "head"))};
        const Status resumed = Resume(place, tailed.get());
        if (!resumed.ok() && !options_.skip_lost) return resumed;
      }
      files_.push_back({std::move(tailed), static_cast<int>(IntAt(file, "split"))});
    }
    return Status::OK();
  }

  bool can_pause() const override {
    return std::none_of(files_.begin(), files_.end(), [](const Followed& at) { return at.file->has_rows(); });
  }

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    const int64_t now_us = out.processing_time_us();
    if (draining_ && (files_.empty() || !files_[turn_].file->has_rows())) return PollResult::kExhausted;
    if (now_us >= next_list_us_) List(now_us);
    const bool changed = notices_.Take().any;
    if (!changed && !busy_ && now_us < next_sweep_us_) return PollResult::kIdle;
    next_sweep_us_ = now_us + kSweepEveryUs;
    busy_ = false;
    // One block of each; who was stopped in between goes on with the same file.
    for (size_t i = 0; i < files_.size(); ++i) {
      WEIR_RETURN_NOT_OK(ReadOne(now_us, out));
      if (out.full() || draining_) return PollResult::kProduced;
    }
    return busy_ ? PollResult::kProduced : PollResult::kIdle;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  /// What is in a file stays there; only the rows of the block at hand still come.
  bool Drain() override { return draining_ = true; }

 private:
  struct Followed {
    std::unique_ptr<TailedFile> file;
    int split;
  };

  Status ReadOne(int64_t now_us, Emitter& out) {
    const Followed& at = files_[turn_];
    auto part = at.file->Next(now_us);
    if (!part.ok()) return out.RejectRaw({{at.file->path(), part.status().message()}});
    if (*part) {
      busy_ = true;
      WEIR_RETURN_NOT_OK(EmitPart(options_, *std::move(*part), at.file->path(), at.split, &times_, out));
    }
    if (!at.file->has_rows()) turn_ = (turn_ + 1) % files_.size();
    return Status::OK();
  }

  /// The file of an earlier run under its own name, or the one that it has now.
  Status Resume(const TailedFile::Place& place, TailedFile* file) const {
    constexpr const char* kRemedy =
        "; with 'on_lost: skip' the run goes on without what was not read, or begin anew with an empty state folder";
    auto resume = [&](const std::string& path) {
      const Status status = file->Resume(place, path);
      return status.ok() ? status : status.WithMessage(status.message(), kRemedy);
    };
    const FileInfo there = InfoOf(file->path());
    if (there.kind == FileKind::kFile && there.inode == place.inode) return resume(file->path());
    const std::string folder = DirectoryName(file->path());
    std::vector<std::string> paths =
        ListInputFiles(*context_.env, options_.path, options_.extensions).ValueOr(std::vector<std::string>{});
    for (const DirectoryEntry& entry : context_.env->files().List(folder).ValueOr(std::vector<DirectoryEntry>{})) {
      if (entry.kind == FileKind::kFile) paths.push_back(JoinPath(folder, entry.name));
    }
    const auto at = std::find_if(paths.begin(), paths.end(), [&](const std::string& path) {
      const FileInfo info = InfoOf(path);
      return info.kind == FileKind::kFile && info.inode == place.inode;
    });
    if (at == paths.end()) {
      return Status::Invalid("'", file->path(), "' was read up to byte ", place.text.offset,
                             " by an earlier run; that file is gone", kRemedy);
    }
    // A path that names several files reads those that came between as files of their own.
    if (options_.path == file->path()) {
      const EventTime modified = InfoOf(*at).modified;
      for (const std::string& path : paths) {
        const FileInfo info = InfoOf(path);
        if (path == file->path() || info.inode == place.inode || info.modified <= modified || info.size_bytes == 0 ||
            !BaseName(path).starts_with(BaseName(file->path()))) {
          continue;
        }
        return Status::Invalid("'", file->path(), "' was rotated more than once since the last run: '", path,
                               "' was not read", kRemedy);
      }
    }
    return resume(*at);
  }

  FileInfo InfoOf(const std::string& path) const { return context_.env->files().Stat(path).ValueOr(FileInfo{}); }

  /// Files that were not there before. One that another name had is not read again.
  void List(int64_t now_us) {
    const bool first = next_list_us_ == 0;
    next_list_us_ = now_us + kListEveryUs;
    auto listed = ListInputFiles(*context_.env, options_.path, options_.extensions);
    std::vector<std::string> paths = listed.ok() ? *listed : std::vector<std::string>{};
    if (paths.empty() && !HasGlob(options_.path)) paths = {options_.path};  // a file that comes later
    std::vector<FileInfo> finished;
    for (const std::string& path : paths) {
      const auto stat = context_.env->files().Stat(path);
      if (!stat.ok() || stat->kind == FileKind::kDirectory) continue;
      const FileInfo& info = *stat;
      notices_.Watch(DirectoryName(path));
      const bool known = std::any_of(files_.begin(), files_.end(), [&](const Followed& followed) {
        return followed.file->path() == path || followed.file->Is(info);
      });
      if (WasFinished(info)) {
        finished.push_back(info);
      } else if (!known) {
        files_.push_back({std::make_unique<TailedFile>(path, first && from_end_, context_.env, format_.get(), limits_),
                          times_.Add()});
      }
    }
    if (HasGlob(options_.path) || listed.ok()) Forget(paths);
    finished_ = std::move(finished);  // those that are gone are forgotten: their numbers may be given to new files
  }

  /// A file that is gone, and was read to its end, is no split any more; one of the same name later is a new one.
  void Forget(const std::vector<std::string>& paths) {
    for (size_t i = files_.size(); i-- > 0;) {
      const TailedFile& file = *files_[i].file;
      if (file.is_open() || std::find(paths.begin(), paths.end(), file.path()) != paths.end()) continue;
      times_.End(files_[i].split);
      files_.erase(files_.begin() + static_cast<int64_t>(i));
      turn_ = 0;
    }
  }

  bool WasFinished(const FileInfo& info) const {
    auto same = [&](const FileInfo& other) {
      const bool same_device = other.device == info.device || other.device == 0;  // 0: of an earlier run
      return other.kind != FileKind::kNone && same_device && other.inode == info.inode;
    };
    return info.kind != FileKind::kNone &&
           (std::any_of(finished_.begin(), finished_.end(), same) ||
            std::any_of(files_.begin(), files_.end(), [&](const Followed& f) { return same(f.file->finished()); }));
  }

  TailSource* const source_;
  const TailSourceOptions& options_;
  const std::shared_ptr<const TextFileFormat> format_;
  const OperatorContext context_;
  const LiveText::Limits limits_;
  EventTimeTracker times_;
  FolderNotices notices_;
  std::vector<Followed> files_;
  std::vector<FileInfo> finished_;  // files that were read under another name and are still there
  size_t turn_ = 0;                 // of files_
  bool from_end_ = options_.from_end;
  bool busy_ = false;  // the last sweep gave something
  bool draining_ = false;
  int64_t next_list_us_ = 0, next_sweep_us_ = 0;
};

class TailSource::Stream final : public SourceReader {
 public:
  static Result<std::unique_ptr<SourceReader>> Make(const TailSource& source, const OperatorContext& context) {
    auto raw = std::dynamic_pointer_cast<DescriptorInput>(context.env->StandardInput());
    if (!raw) return Status::Invalid("standard input cannot be read without waiting for it");
    return std::unique_ptr<SourceReader>(new Stream(source, std::move(raw), context));
  }

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    if (split_ < 0) split_ = times_.Add();
    if (draining_ && !text_.has_rows()) return PollResult::kExhausted;
    WEIR_ASSIGN_OR_RETURN(std::optional<FileBatch> part, text_.Next());
    if (!part && !input_->ended()) return PollResult::kIdle;
    if (!part && ending_) return PollResult::kExhausted;
    if (!part) {
      ending_ = true;
      text_.EndInput();
      return PollResult::kProduced;
    }
    WEIR_RETURN_NOT_OK(EmitPart(options_, *std::move(part), "-", split_, &times_, out));
    return PollResult::kProduced;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  bool Drain() override { return draining_ = true; }

 private:
  Stream(const TailSource& source, std::shared_ptr<DescriptorInput> raw, const OperatorContext& context)
      : options_(source.options_),
        format_(source.format_),
        input_(std::make_shared<AvailableInput>(std::move(raw))),
        text_({"standard input", input_, nullptr}, format_.get(),
              {options_.max_record_bytes, std::max<int64_t>(1, context.batch_rows)}),
        times_(options_.event_time) {}

  const TailSourceOptions& options_;
  const std::shared_ptr<const TextFileFormat> format_;
  const std::shared_ptr<AvailableInput> input_;
  LiveText text_;
  EventTimeTracker times_;
  int split_ = -1;
  bool ending_ = false, draining_ = false;
};

Result<std::unique_ptr<SourceReader>> TailSource::OpenReader(const OperatorContext& lane) {
  if (options_.path == "-") return Stream::Make(*this, lane);
  auto reader = std::make_unique<Files>(this, lane);
  if (!position_.empty()) WEIR_RETURN_NOT_OK(reader->Restore(position_));
  return reader;
}

Result<std::string> TailSource::Position() {
  if (options_.path == "-") return Status::Invalid("standard input has no position: it cannot be read again");
  return files_ ? files_->Position() : position_;
}

Status TailSource::Restore(const std::string& position) {
  position_ = position;
  return Status::OK();
}

}  // namespace weir
