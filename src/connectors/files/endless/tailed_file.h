// TailedFile: one text file that grows, across rotation and truncation.
//
//   absent ──there is a file──▶ open ──renamed or removed, and quiet──▶ ending ──read to its end──▶ absent
//                               │  ▲
//                               └──┘ was emptied and written anew
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/files/endless/live_text.h"
#include "env/env.h"

namespace weir {

class DescriptorFile;

/// Called by one reader.
class TailedFile {
 public:
  /// `from_end`: a file that is there at once is read from behind its last whole line.
  TailedFile(std::string path, bool from_end, Env* env, const TextFileFormat* format, LiveText::Limits limits)
      : path_(std::move(path)), from_end_(from_end), env_(env), format_(format), limits_(limits) {}

  /// Where to go on in the file that is open.
  struct Place {
    uint64_t inode = 0;
    TextPlace text;
    std::string head;  // its first bytes
  };
  /// Nothing where no file is open. Not while it has_rows().
  std::optional<Place> place() const;
  /// Goes on in the file of an earlier run, which is called `path` now. Before the first Next. Errors: Invalid where it
  /// is shorter than what was read of it, or begins otherwise.
  Status Resume(const Place& place, const std::string& path);

  /// The next rows, of whole records; nothing when there are none now. A status is trouble with this file: it is said
  /// once, and nothing is read until another file has the name.
  Result<std::optional<FileBatch>> Next(int64_t now_us);
  /// Rows of the records at hand are still to come.
  bool has_rows() const { return text_ != nullptr && text_->has_rows(); }

  const std::string& path() const { return path_; }
  bool is_open() const { return text_ != nullptr; }
  /// Whether the file that is open now is the one with this device and inode.
  bool Is(const FileInfo& info) const {
    return text_ != nullptr && info.device == info_.device && info.inode == info_.inode;
  }
  /// The file last read to its end under this name: it may now have another one.
  const FileInfo& finished() const { return finished_; }

 private:
  Result<std::optional<FileBatch>> Read(int64_t now_us);
  Status Open();
  void Begin();
  void Close();
  Result<bool> WasRewritten();
  Result<bool> IsReplaced(int64_t now_us);
  FileBatch Lost() const;

  const std::string path_;
  bool from_end_;
  Env* const env_;
  const TextFileFormat* const format_;
  const LiveText::Limits limits_;
  std::shared_ptr<DescriptorFile> file_;
  std::unique_ptr<LiveText> text_;  // null: there is no file
  bool ending_ = false;             // the file was replaced; what is left of it is being read
  FileInfo info_, finished_;
  FileInfo refused_;            // a file that gave trouble
  std::string head_;            // the first bytes of the file: other ones mean that it was written anew
  int64_t quiet_since_us_ = 0;  // nothing was read since
  int64_t next_check_us_ = 0;   // of the name
};

/// Where the first line that is not whole yet, or the end, of a file of `size` bytes begins.
Result<int64_t> EndOfLastLine(arrow::io::RandomAccessFile* file, int64_t size);

}  // namespace weir
