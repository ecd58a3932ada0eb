// Reads what is appended; asks now and then whether the name still means this file.
#include "connectors/files/endless/tailed_file.h"

#include <algorithm>
#include <utility>

#include "env/file_descriptor.h"

namespace weir {
namespace {

constexpr int64_t kCheckEveryUs = 250'000;
/// A writer may go on for a while in a file that was renamed; one that is quiet for so long is taken to have moved on.
constexpr int64_t kRotateWaitUs = 1'000'000;
constexpr int64_t kHeadBytes = 64;

bool Same(const FileInfo& a, const FileInfo& b) { return a.device == b.device && a.inode == b.inode; }

Result<std::string> ReadHead(arrow::io::RandomAccessFile* file, int64_t bytes) {
  std::string head(static_cast<size_t>(bytes), '\0');
  WEIR_ASSIGN_OR_RETURN(const int64_t got, file->ReadAt(0, bytes, head.data()));
  head.resize(static_cast<size_t>(got));
  return head;
}

}  // namespace

Result<int64_t> EndOfLastLine(arrow::io::RandomAccessFile* file, int64_t size) {
  constexpr int64_t kStep = 64 << 10;
  std::string piece;
  for (int64_t end = size; end > 0;) {
    const int64_t begin = std::max<int64_t>(0, end - kStep);
    piece.resize(static_cast<size_t>(end - begin));
    WEIR_ASSIGN_OR_RETURN(const int64_t got, file->ReadAt(begin, end - begin, piece.data()));
    const size_t last = std::string_view(piece.data(), static_cast<size_t>(got)).rfind('\n');
    if (last != std::string_view::npos) return begin + static_cast<int64_t>(last) + 1;
    end = begin;
  }
  return 0;
}

Status TailedFile::Open() {
  WEIR_ASSIGN_OR_RETURN(const FileInfo there, env_->files().Stat(path_));
  const bool from_end = std::exchange(from_end_, false) && there.kind != FileKind::kNone;  // what comes later is new
  if (there.kind == FileKind::kNone || Same(there, refused_)) return Status::OK();
  refused_ = there;
  WEIR_ASSIGN_OR_RETURN(auto stream, env_->files().Open(path_));
  file_ = std::dynamic_pointer_cast<DescriptorFile>(stream);
  if (!file_) return Status::Invalid("'", path_, "' is no regular file: only those can be followed");
  WEIR_ASSIGN_OR_RETURN(info_, file_->Info());
  int64_t begin_at = 0;
  if (from_end) {
    WEIR_ASSIGN_OR_RETURN(begin_at, EndOfLastLine(file_.get(), info_.size_bytes));
  }
  refused_ = {};
  Begin();
  text_->BeginAt({begin_at, 0});
  return Status::OK();
}

std::optional<TailedFile::Place> TailedFile::place() const {
  if (!text_) return std::nullopt;
  return Place{info_.inode, text_->place(), head_};
}

Status TailedFile::Resume(const Place& place, const std::string& path) {
  from_end_ = false;
  WEIR_ASSIGN_OR_RETURN(auto stream, env_->files().Open(path));
  file_ = std::dynamic_pointer_cast<DescriptorFile>(stream);
  if (!file_) return Status::Invalid("'", path, "' is no regular file: only those can be followed");
  WEIR_ASSIGN_OR_RETURN(info_, file_->Info());
  WEIR_ASSIGN_OR_RETURN(const std::string head, ReadHead(file_.get(), static_cast<int64_t>(place.head.size())));
  if (info_.size_bytes < place.text.offset || head != place.head) {
    file_.reset();
    return Status::Invalid("'", path, "' was read up to byte ", place.text.offset,
                           " by an earlier run and was emptied or written anew since");
  }
  Begin();
  text_->BeginAt(place.text);
  head_ = place.head;
  return Status::OK();
}

void TailedFile::Begin() {
  text_ = std::make_unique<LiveText>(TextInput{path_, nullptr, file_}, format_, limits_);
  head_.clear();
  ending_ = false;
}

void TailedFile::Close() {
  text_.reset();
  file_.reset();
  next_check_us_ = 0;
}

// A file that was emptied and written anew (copytruncate) is shorter than what was read of it, or begins otherwise.
Result<bool> TailedFile::WasRewritten() {
  WEIR_ASSIGN_OR_RETURN(info_, file_->Info());
  if (info_.size_bytes < text_->read_offset()) return true;
  if (info_.size_bytes == text_->read_offset() || head_.empty()) return false;
  WEIR_ASSIGN_OR_RETURN(const std::string head, ReadHead(file_.get(), static_cast<int64_t>(head_.size())));
  return head != head_;
}

FileBatch TailedFile::Lost() const {
  FileBatch out;
  const std::string_view lost = text_->unfinished();
  if (lost.empty()) return out;
  out.errors.push_back({RecordText(lost.data(), static_cast<int64_t>(lost.size())),
                        path_ + ": the file was truncated before the end of this record"});
  return out;
}

// The name means another file, or none, and nothing is appended any more.
Result<bool> TailedFile::IsReplaced(int64_t now_us) {
  if (now_us < next_check_us_ || now_us - quiet_since_us_ < kRotateWaitUs) return false;
  next_check_us_ = now_us + kCheckEveryUs;
  WEIR_ASSIGN_OR_RETURN(const FileInfo there, env_->files().Stat(path_));
  return there.kind == FileKind::kNone || !Same(there, info_);
}

Result<std::optional<FileBatch>> TailedFile::Read(int64_t now_us) {
  std::optional<FileBatch> out;
  if (!text_) {
    if (now_us < next_check_us_) return out;
    next_check_us_ = now_us + kCheckEveryUs;
    WEIR_RETURN_NOT_OK(Open());
    if (!text_) return out;
    quiet_since_us_ = now_us;
  }
  if (!ending_) {
    WEIR_ASSIGN_OR_RETURN(const bool rewritten, WasRewritten());
    if (rewritten) {
      out = Lost();
      Begin();
      return out;
    }
  }
  const int64_t before = text_->read_offset();
  WEIR_ASSIGN_OR_RETURN(out, text_->Next());
  if (text_->read_offset() > before) quiet_since_us_ = now_us;
  const int64_t known = std::min(kHeadBytes, text_->read_offset());
  if (static_cast<int64_t>(head_.size()) < known) {
    WEIR_ASSIGN_OR_RETURN(head_, ReadHead(file_.get(), known));
  }
  if (out) return out;
  if (ending_) {
    finished_ = info_;
    Close();
    return out;
  }
  WEIR_ASSIGN_OR_RETURN(ending_, IsReplaced(now_us));
  if (ending_) text_->EndInput();
  return out;
}

Result<std::optional<FileBatch>> TailedFile::Next(int64_t now_us) {
  if (has_rows()) return text_->Next();
  auto out = Read(now_us);
  if (out.ok()) return out;
  if (text_) refused_ = info_;
  Close();
  return out;
}

}  // namespace weir
