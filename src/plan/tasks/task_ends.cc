// The two ends of a task: what its `source` or `destination` is, by its form and its `type`.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/tasks/task_reader.h"

namespace weir {
namespace {

constexpr const char kSourceOfTheManual[] = "external-source-url";

/// The format that a file's name shows; empty where it shows none. A compression may follow.
std::string FormatOfName(std::string_view name) {
  name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
  for (const char* compression : {".gz", ".zst", ".bz2", ".lz4"}) {
    if (name.ends_with(compression)) name.remove_suffix(std::string_view(compression).size());
  }
  static constexpr std::array<std::pair<std::string_view, const char*>, 7> kEndings = {{{".json", "json"},
                                                                                        {".jsonl", "json"},
                                                                                        {".ndjson", "json"},
                                                                                        {".csv", "csv"},
                                                                                        {".parquet", "parquet"},
                                                                                        {".txt", "text"},
                                                                                        {".log", "text"}}};
  for (const auto& [ending, format] : kEndings) {
    if (name.ends_with(ending)) return format;
  }
  return "";
}

/// A word that can be the name of a topic and shows nothing of a file.
bool LooksLikeTopic(const std::string& text) {
  return !text.empty() && FormatOfName(text).empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

/// Whether `address` (HOST:PORT/…) is of this machine: one listens there, and does not ask there.
bool IsListeningAddress(std::string_view address) {
  for (const char* host : {"0.0.0.0:", "127.0.0.1:", "localhost:", "[::]:", "[::1]:", ":"}) {
    if (address.starts_with(host)) return true;
  }
  return false;
}

class EndReader {
 public:
  EndReader(const NodePtr& node, const TaskSpec& task, const TaskDefaults& defaults, bool is_input,
            Diagnostics* diagnostics)
      : task_(task), defaults_(defaults), is_input_(is_input), diagnostics_(diagnostics) {
    end_.node = node;
  }

  TaskEnd Read() {
    for (const NodeEntry& entry : end_.node->entries()) Sort(entry);
    ReadType();
    if (!bad_) ReadPlace();
    if (bad_) end_.kind = TaskEnd::Kind::kNone;
    if (end_.kind != TaskEnd::Kind::kNone) Complete();
    return std::move(end_);
  }

 private:
  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    bad_ = true;
    ErrorAt(node, std::move(message), diagnostics_, std::move(hint));
  }

  /// One entry: to what it means here, or to the settings of the component.
  void Sort(const NodeEntry& entry) {
    struct Spellings {
      NodePtr EndReader::*target;
      std::vector<std::string> keys;
    };
    static const std::vector<Spellings> of_input = {{&EndReader::place_, {"source"}},
                                                    {&EndReader::folder_, {"folder", "input_folder", "inputFolder"}},
                                                    {&EndReader::listen_, {"listen"}}};
    static const std::vector<Spellings> of_output = {
        {&EndReader::place_, {"destination"}}, {&EndReader::folder_, {"folder", "output_folder", "outputFolder"}}};
    static const std::vector<Spellings> of_both = {{&EndReader::type_, {"type"}},
                                                   {&EndReader::bucket_, {"bucket"}},
                                                   {&EndReader::s3_folder_, {"s3_folder", "s3Folder"}},
                                                   {&EndReader::topic_, {"topic", "kafka_topic", "kafkaTopic"}},
                                                   {&EndReader::broker_, {"broker", "kafka_broker", "kafkaBroker"}},
                                                   {&EndReader::endpoint_, {"endpoint"}},
                                                   {&EndReader::format_, {"format"}}};
    const std::string& key = entry.key->text();
    for (const auto* table : {is_input_ ? &of_input : &of_output, &of_both}) {
      for (const Spellings& spellings : *table) {
        if (std::find(spellings.keys.begin(), spellings.keys.end(), key) == spellings.keys.end()) continue;
        NodePtr& target = this->*spellings.target;
        if (target) return Error(entry.key, "'" + key + "' is given twice, in two spellings");
        if (!entry.value->is_scalar() || entry.value->IsNull() || entry.value->text().empty()) {
          return Error(entry.value, "'" + key + "' is a text; this is " + entry.value->Describe());
        }
        target = entry.value;
        return;
      }
    }
    if (key == (is_input_ ? "destination" : "source")) {
      return Error(entry.key, "'" + key + "' belongs into " + (is_input_ ? "outputConfig" : "inputConfig"));
    }
    end_.config.push_back(entry);
  }

  void ReadType() {
    if (!type_) return;
    if (type_->text() == "streaming") {
      end_.streaming = true;
    } else if (type_->text() != "batch") {
      const std::string close = ClosestMatch(type_->text(), {"batch", "streaming"});
      Error(type_, "the type is batch or streaming; this is '" + type_->text() + "'",
            close.empty() ? "" : "did you mean '" + close + "'?");
    }
  }

  void ReadPlace() {
    int given = 0;
    for (const NodePtr& place : {place_, folder_, listen_, topic_, s3_folder_ ? s3_folder_ : bucket_}) {
      if (!place) continue;
      if (++given > 1) {
        return Error(place, std::string("this is a second place to ") + (is_input_ ? "read" : "write"),
                     is_input_ ? "give one of 'source', 'folder', 'bucket' with 's3_folder', 'topic', 'listen'"
                               : "give one of 'destination', 'folder', 'bucket' with 's3_folder', 'topic'");
      }
      end_.place_node = place;
    }
    if (topic_) {
      Become(TaskEnd::Kind::kKafka, topic_->text());
    } else if (listen_) {
      Become(TaskEnd::Kind::kHttpListen, listen_->text());
      if (listen_->text().starts_with("tcp://")) Become(TaskEnd::Kind::kTcp, listen_->text().substr(6));
    } else if (folder_) {
      Become(TaskEnd::Kind::kFiles, folder_->text());
      is_folder_ = true;
    } else if (s3_folder_ || (bucket_ && !place_)) {
      ReadBucket();
    } else if (place_) {
      if (is_input_) {
        ReadSource(place_->text());
      } else {
        ReadDestination(place_->text());
      }
    } else {
      Error(end_.node, is_input_ ? "it does not say what to read" : "it does not say where to write",
            is_input_ ? "add 'source: URL-OR-PATH', or 'topic', 'folder', 's3_folder'"
                      : "add 'destination: s3://BUCKET/FOLDER', or 'topic', 'folder', 's3_folder'");
    }
  }

  void Become(TaskEnd::Kind kind, std::string place) {
    end_.kind = kind;
    end_.place = std::move(place);
  }

  void ReadBucket() {
    const NodePtr& bucket = bucket_ ? bucket_ : defaults_.bucket;
    if (!bucket) {
      return Error(s3_folder_, "'s3_folder' needs a 'bucket'", "here, at the top of the file, or in WEIR_BUCKET");
    }
    std::string folder = s3_folder_ ? s3_folder_->text() : "";
    folder.erase(0, std::min(folder.find_first_not_of('/'), folder.size()));
    Become(TaskEnd::Kind::kFiles, "s3://" + bucket->text() + "/" + folder);
    is_folder_ = true;
  }

  /// True where it was kafka://…, right or wrong.
  bool ReadKafkaUrl(const std::string& text) {
    if (!text.starts_with("kafka://")) return false;
    const size_t slash = text.find('/', 8);
    if (slash == std::string::npos || slash + 1 == text.size() || text.find('/', slash + 1) != std::string::npos) {
      Error(place_, "a topic is written kafka://HOST:PORT/TOPIC; this is '" + text + "'");
      return true;
    }
    Become(TaskEnd::Kind::kKafka, text.substr(slash + 1));
    if (slash > 8) broker_ = MakeScalarNode(text.substr(8, slash - 8), place_);
    return true;
  }

  void ReadSource(const std::string& text) {
    if (text == kSourceOfTheManual) {
      return Error(place_, std::string("'") + kSourceOfTheManual + "' stands for the place of your data",
                   "write it here, or add --set " + task_.name +
                       ".inputConfig.source=PLACE: http://HOST:PORT/PATH, https://…, tcp://HOST:PORT, "
                       "kafka://BROKER/TOPIC, s3://BUCKET/FOLDER or a file");
    }
    if (ReadKafkaUrl(text)) return;
    if (text.starts_with("http://") || text.starts_with("https://")) {
      const std::string address = text.substr(text.find("//") + 2);
      const bool listens = end_.streaming && !task_.interval && text[4] == ':' && IsListeningAddress(address);
      return Become(listens ? TaskEnd::Kind::kHttpListen : TaskEnd::Kind::kHttpPoll, listens ? address : text);
    }
    if (text.starts_with("tcp://")) return Become(TaskEnd::Kind::kTcp, text.substr(6));
    ReadPath(text);
  }

  void ReadDestination(const std::string& text) {
    if (ReadKafkaUrl(text)) return;
    ReadPath(text);
  }

  /// A topic's name, a file, a folder, or a prefix of a bucket.
  void ReadPath(const std::string& text) {
    if (text.starts_with("file://")) return Become(TaskEnd::Kind::kFiles, text.substr(7));
    if (const size_t colon = text.find("://"); colon != std::string::npos && !text.starts_with("s3://")) {
      return Error(place_,
                   "there is no " + std::string(is_input_ ? "source" : "destination") + " of the form '" +
                       text.substr(0, colon) + "://'",
                   is_input_ ? "http, https, tcp, kafka and s3 are known, and the paths of files"
                             : "s3://BUCKET/FOLDER and kafka://BROKER/TOPIC are known, and the paths of files");
    }
    const bool is_path = text.find('/') != std::string::npos || !LooksLikeTopic(text);
    if (end_.streaming && !is_path) return Become(TaskEnd::Kind::kKafka, text);
    Become(TaskEnd::Kind::kFiles, text);
  }

  void Complete() {
    using Kind = TaskEnd::Kind;
    const bool never_ends = end_.kind == Kind::kHttpListen || end_.kind == Kind::kTcp;
    if (never_ends && type_ && !end_.streaming) {
      Error(type_, "what comes over a port has no end", "write 'type: streaming'");
    }
    if (is_input_ && !task_.is_spout && (never_ends || end_.kind == Kind::kHttpPoll)) {
      Error(end_.place_node, "a bolt reads from a store: s3://…, a folder or a topic",
            "bring the data in with a task of 'type: spout'");
    }
    if (!type_) end_.streaming = never_ends || end_.kind == Kind::kKafka;
    ReadFormat();
    if (end_.kind == Kind::kFiles) CompleteFiles();
    if (end_.kind == Kind::kKafka) CompleteKafka();
    if (bad_) end_.kind = Kind::kNone;
  }

  void ReadFormat() {
    if (format_) {
      end_.format = format_->text();
      if (end_.kind != TaskEnd::Kind::kFiles) return;
      if (end_.format == "jsonl" || end_.format == "ndjson") end_.format = "json";
      if (end_.format == "lines" || end_.format == "txt") end_.format = "text";
      const std::vector<std::string> known = {"json", "csv", "parquet", "text"};
      if (std::find(known.begin(), known.end(), end_.format) == known.end()) {
        const std::string close = ClosestMatch(end_.format, known);
        Error(format_, "files have the format json, csv, parquet or text; this is '" + format_->text() + "'",
              close.empty() ? "" : "did you mean '" + close + "'?");
      }
    } else if (end_.kind == TaskEnd::Kind::kFiles) {
      end_.format = FormatOfName(end_.place);
    }
  }

  void CompleteFiles() {
    const bool is_s3 = end_.place.starts_with("s3://");
    if (is_s3 && end_.place.size() == 5) Error(end_.place_node, "there is no bucket in 's3://'");
    // A name without an ending is a folder: what one task writes there, another finds.
    const bool has_glob = end_.place.find_first_of("*?[{") != std::string::npos;
    if ((is_folder_ || FormatOfName(end_.place).empty()) && !has_glob && !end_.place.ends_with('/') &&
        (is_folder_ || is_s3 || !is_input_)) {
      end_.place += '/';
    }
    const NodePtr& endpoint = endpoint_ ? endpoint_ : defaults_.endpoint;
    if (is_s3 && endpoint) end_.endpoint = endpoint;
  }

  void CompleteKafka() {
    const NodePtr& broker = broker_ ? broker_ : defaults_.broker;
    if (broker) {
      Add("bootstrap_servers", broker);
    } else {
      Error(end_.place_node, "topic '" + end_.place + "' needs a 'broker'",
            "add 'broker: HOST:9092' here or at the top of the file, or set WEIR_BROKER");
    }
  }

  void Add(const char* key, const NodePtr& value) { end_.config.push_back({MakeScalarNode(key, value), value}); }

  const TaskSpec& task_;
  const TaskDefaults& defaults_;
  const bool is_input_;
  Diagnostics* const diagnostics_;
  TaskEnd end_;
  NodePtr place_, folder_, listen_, type_, bucket_, s3_folder_, topic_, broker_, endpoint_, format_;
  bool is_folder_ = false, bad_ = false;
};

}  // namespace

TaskEnd ReadTaskInput(const NodePtr& node, const TaskSpec& task, const TaskDefaults& defaults,
                      Diagnostics* diagnostics) {
  return EndReader(node, task, defaults, true, diagnostics).Read();
}

TaskEnd ReadTaskOutput(const NodePtr& node, const TaskSpec& task, const TaskDefaults& defaults,
                       Diagnostics* diagnostics) {
  return EndReader(node, task, defaults, false, diagnostics).Read();
}

}  // namespace weir
