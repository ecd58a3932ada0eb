// What sources of text formats share: opening with decompression, blocks of whole records for the lanes, errors with
// their places, and inputs that can be read only once.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/files/endless/file_mode.h"
#include "connectors/files/file_source.h"
#include "env/streams.h"
#include "formats/text/block_feeder.h"
#include "plan/binding.h"

namespace weir {

/// Settings of every text source.
struct TextSourceConfig : FileModeConfig {
  std::string path;
  std::string compression;
  std::string filename_column;
  int64_t max_record_bytes = 0;
  bool tail = false;
  std::string from, on_lost;
  static const FieldSet<TextSourceConfig>& Fields();
};

/// Opens `path` (`-` is standard input) as blocks to be cut by `scanner`, which may be set later.
Result<std::shared_ptr<BlockFeeder>> OpenTextFile(Env& env, const std::string& path, const std::string& compression,
                                                  int64_t max_record_bytes, std::unique_ptr<RecordScanner> scanner);

/// The parser of one file in one lane.
using TextBlockParser = std::function<Result<Batch>(const TextBlock&, std::vector<RecordError>*)>;
/// Makes the parsers of one file; called once per lane, maybe from several threads.
using TextParserFactory = std::function<Result<TextBlockParser>()>;

/// A format of text files. Immutable but for what it holds of unread standard input.
class TextFileFormat : public FileFormat {
 public:
  explicit TextFileFormat(TextSourceConfig config) : config_(std::move(config)) {}
  Result<std::shared_ptr<OpenedFile>> Open(Env& env, const std::string& path,
                                           std::optional<FilePlace> from = std::nullopt) const final;

  /// Bytes that were read while planning and cannot be read again: what Open(path) will go on with, once.
  void Keep(std::string path, std::shared_ptr<BlockFeeder> feeder);

  /// A new file, nothing consumed: sets the scanner, skips what is no record, says how blocks are parsed.
  virtual Result<TextParserFactory> Begin(BlockFeeder& feeder, const std::string& path) const = 0;

 protected:
  const TextSourceConfig config_;

 private:
  mutable std::mutex mutex_;
  std::string kept_path_;
  mutable std::shared_ptr<BlockFeeder> kept_;
};

/// The files of a step while it is bound: those that are there, and a feeder to look at the beginning of the first.
struct TextFiles {
  FileMode mode = FileMode::kOnce;
  std::vector<std::string> extensions;
  std::vector<std::string> paths;      // with kOnce at least one
  std::shared_ptr<BlockFeeder> first;  // with kOnce always set; else null where there is nothing to look at yet
  /// What was read of `first` cannot be read again.
  bool keep_first = false;
};

/// Resolves `config.path` and opens the first file. nullopt after an error.
std::optional<TextFiles> OpenTextFiles(const TextSourceConfig& config, const std::vector<std::string>& extensions,
                                       BindContext& context);

/// `schema` with config.filename_column at its end, if there is one; *index is then its place, else -1. Null after an
/// error (the name is taken).
SchemaPtr WithFilenameColumn(const TextSourceConfig& config, SchemaPtr schema, BindContext& context, int* index);

/// Says that the fields cannot be known: there is no file yet, or none may be looked at.
void NeedsSchema(const TextSourceConfig& config, BindContext& context);

using MakeTextFormat = std::function<Result<std::shared_ptr<TextFileFormat>>(const ScanRequest&)>;
/// What a source of text files can do, filled into a binding. nullopt after an error.
std::optional<StepBinding> TextSourceBinding(const TextSourceConfig& config, const TextFiles& files,
                                             const SchemaPtr& schema, int filename_column, MakeTextFormat make_format,
                                             BindContext& context);

/// One flag per column of `schema` that is needed; the file's name never comes from the file's text.
std::vector<bool> NeededColumns(const ScanRequest& request, int filename_column);

}  // namespace weir
