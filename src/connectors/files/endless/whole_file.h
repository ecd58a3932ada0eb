// WholeFile: one file from its beginning to its end, in one lane.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/files/file_source.h"

namespace weir {

class WholeFile {
 public:
  static Result<std::unique_ptr<WholeFile>> Open(const FileFormat& format, const std::string& path,
                                                 const OperatorContext& context,
                                                 std::optional<FilePlace> from = std::nullopt) {
    WEIR_ASSIGN_OR_RETURN(auto file, format.Open(*context.env, path, from));
    WEIR_ASSIGN_OR_RETURN(auto lane, file->OpenLane(context));
    return std::unique_ptr<WholeFile>(new WholeFile(path, std::move(file), std::move(lane)));
  }

  /// The next rows, which may be none, as at the end of each piece; nothing at the end. A status says what is wrong
  /// with the file.
  Result<std::optional<FileBatch>> Next() {
    if (!in_piece_) {
      WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> piece, lane_->Take());
      if (!piece) return std::nullopt;
      in_piece_ = true;
    }
    WEIR_ASSIGN_OR_RETURN(std::optional<FileBatch> part, lane_->Next());
    if (part) return part;
    in_piece_ = false;
    return FileBatch();
  }

  const std::string& path() const { return path_; }
  /// Between two pieces: place() says where the next one begins.
  bool at_piece() const { return !in_piece_; }
  FilePlace place() const { return file_->place(); }
  /// The row of the error output that says why the file cannot be read.
  static RawError Refusal(const std::string& path, const Status& why) {
    const bool named = why.message().find(path) != std::string::npos;
    return {path, named ? why.message() : path + ": " + why.message()};
  }

 private:
  WholeFile(std::string path, std::shared_ptr<OpenedFile> file, std::unique_ptr<FileLane> lane)
      : path_(std::move(path)), file_(std::move(file)), lane_(std::move(lane)) {}

  const std::string path_;
  const std::shared_ptr<OpenedFile> file_;
  const std::unique_ptr<FileLane> lane_;  // goes before file_
  bool in_piece_ = false;
};

}  // namespace weir
