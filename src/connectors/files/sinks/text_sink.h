// What sinks of text formats share: every lane prints its rows, one of them writes the pieces in the order of the
// source.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/files/sinks/rolling_sink.h"
#include "connectors/files/storage_config.h"
#include "env/streams.h"
#include "formats/text/text_output.h"
#include "plan/binding.h"

namespace weir {

/// Settings of every text sink.
struct TextSinkConfig : StorageConfig {
  std::string path;
  std::string compression;
  int64_t num_shards = 0;
  std::vector<std::string> partition_by;
  std::optional<RollConfig> roll;
  static const FieldSet<TextSinkConfig>& Fields();
};

/// Appends a batch's rows as text. Not thread-safe; made as often as lanes print at the same time.
using TextRenderer = std::function<Status(const Batch&, TextOutput*)>;

/// How a text file is put together.
struct TextLayout {
  std::function<TextRenderer(const SchemaPtr&)> make_renderer;
  std::function<void(const SchemaPtr&, TextOutput*)> begin;  // before the first row; or null
  /// Changes the first piece of a file (an array's first comma becomes its bracket); or null.
  std::function<void(char*)> mark_first;
  std::string end;        // after the last row
  std::string end_empty;  // of a file without rows
  std::string extension;  // "csv"
  bool flush = false;     // after each batch: somebody looks on
};

/// The binding of a text sink over rows of `schema`. nullopt after errors.
std::optional<StepBinding> TextSinkBinding(const TextSinkConfig& config, const SchemaPtr& schema, TextLayout layout,
                                           BindContext& context);

}  // namespace weir
