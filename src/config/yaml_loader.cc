// LoadYaml: libfyaml's event stream to a tree of Nodes, with the traps that it leaves open closed.
//
// libfyaml 0.7.12 turns invalid UTF-8 into empty values, takes several documents, can be hung by an alias bomb and
// knows duplicate keys by one place only. So: bytes are checked first, events are read one by one, and anchors,
// aliases, merge keys and duplicates are resolved here. An alias costs no copy but counts as the nodes that it stands
// for.
#include <libfyaml.h>

#include <algorithm>
#include <unordered_map>

#include "base/utf8.h"
#include "config/node.h"
#include "config/node_builder.h"
#include "config/yaml_scalar.h"
#include "config/yaml_syntax_error.h"

namespace weir {
namespace {

struct EventFree {
  fy_parser* parser;
  void operator()(fy_event* event) const { fy_parser_event_free(parser, event); }
};
using EventPtr = std::unique_ptr<fy_event, EventFree>;

Span SpanOf(fy_token* token) {
  if (token == nullptr) return {};
  const fy_mark* begin = fy_token_start_mark(token);
  const fy_mark* end = fy_token_end_mark(token);
  return {begin ? begin->input_pos : 0, end ? end->input_pos : 0};
}

std::string_view TextOf(fy_token* token) {
  size_t size = 0;
  const char* text = token ? fy_token_get_text(token, &size) : nullptr;
  return text ? std::string_view(text, size) : std::string_view();
}

ScalarStyle StyleOf(fy_token* token) {
  switch (fy_token_scalar_style(token)) {
    case FYSS_SINGLE_QUOTED:
      return ScalarStyle::kSingleQuoted;
    case FYSS_DOUBLE_QUOTED:
      return ScalarStyle::kDoubleQuoted;
    case FYSS_LITERAL:
      return ScalarStyle::kLiteral;
    case FYSS_FOLDED:
      return ScalarStyle::kFolded;
    default:
      return ScalarStyle::kPlain;
  }
}

// A finished node with what the limits need to know of it.
struct Sized {
  NodePtr node;
  size_t nodes = 1;  // with everything below it, aliases counted in full
  int depth = 0;     // levels of collections
};

// A mapping or sequence whose end has not come yet.
struct Open {
  bool is_map = false;
  bool is_flow = false;
  Span start;
  std::string anchor;
  Sized size;
  std::vector<NodePtr> items;
  std::vector<NodeEntry> entries;
  std::vector<NodePtr> merges;                          // the values of `<<`
  std::unordered_map<std::string_view, size_t> by_key;  // into entries
  NodePtr key;                                          // read, its value not yet
};

class Loader {
 public:
  Loader(const SourcePtr& source, const YamlLimits& limits, Diagnostics* diagnostics)
      : source_(source), limits_(limits), diagnostics_(diagnostics) {}
  NodePtr Load();

 private:
  bool CheckBytes();
  bool OnEvent(const fy_event& event);
  bool OnScalar(const fy_event_scalar_data& scalar);
  bool OnAlias(fy_token* name);
  bool OnStart(bool is_map, fy_token* start, fy_token* anchor, fy_token* tag);
  bool OnEnd(fy_token* end);
  bool Add(Sized value, const std::string& anchor);
  void AddKey(Open* parent, const NodePtr& key);
  void AddEntry(Open* parent, const NodePtr& value);
  void Merge(Open* map);
  ScalarStyle ApplyTag(fy_token* tag, ScalarStyle style);
  bool Fail(Span span, std::string message, std::string hint = "") {
    diagnostics_->Error(source_, span, std::move(message), std::move(hint));
    return false;
  }

  SourcePtr source_;
  YamlLimits limits_;
  Diagnostics* diagnostics_;
  std::vector<Open> open_;
  std::unordered_map<std::string, Sized> anchors_;
  size_t nodes_ = 0;
  int documents_ = 0;
  Span last_;  // of the last scalar
  NodePtr root_;
};

bool Loader::CheckBytes() {
  const std::string& text = source_->text();
  if (text.size() > limits_.max_bytes) {
    return Fail({0, 0}, "the file has " + std::to_string(text.size()) + " bytes; a pipeline file may have " +
                            std::to_string(limits_.max_bytes));
  }
  if (text.compare(0, 2, "\xFF\xFE") == 0 || text.compare(0, 2, "\xFE\xFF") == 0) {
    return Fail({0, 0}, "the file is UTF-16", "save it as UTF-8");
  }
  const size_t invalid = FirstInvalidUtf8(text);
  if (invalid != std::string::npos) {
    return Fail({invalid, invalid + 1}, "this byte is not valid UTF-8", "save the file as UTF-8");
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return Fail({i, i + 1}, "a control character (byte " + std::to_string(c) + ") may not stand in a YAML file",
                  "in a double-quoted string it can be written as an escape: \"\\x1b\"");
    }
  }
  return true;
}

NodePtr Loader::Load() {
  if (!CheckBytes()) return nullptr;
  fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.level = FYET_MAX;  // what it does not collect it would print
  const std::unique_ptr<fy_diag, decltype(&fy_diag_destroy)> diag(fy_diag_create(&diag_config), fy_diag_destroy);
  fy_diag_set_collect_errors(diag.get(), true);
  fy_parse_cfg config{};
  // Brackets and quotes may close at any indentation, as in Beam's loader.
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_DISABLE_DEPTH_LIMIT |
                                                 FYPCF_SLOPPY_FLOW_INDENTATION);
  config.diag = diag.get();
  const std::unique_ptr<fy_parser, decltype(&fy_parser_destroy)> parser(fy_parser_create(&config), fy_parser_destroy);
  if (!parser || fy_parser_set_string(parser.get(), source_->text().data(), source_->text().size()) != 0) {
    Fail({0, 0}, "the YAML parser could not be started");
    return nullptr;
  }
  while (EventPtr event{fy_parser_parse(parser.get()), EventFree{parser.get()}}) {
    if (!OnEvent(*event)) return nullptr;
  }
  void* iterator = nullptr;
  if (const fy_diag_error* error = fy_diag_errors_iterate(diag.get(), &iterator)) {
    std::vector<OpenCollection> open;
    for (const Open& o : open_) open.push_back({o.is_map, o.is_flow, o.start});
    const SyntaxError said =
        ExplainSyntaxError(*source_, error->msg ? error->msg : "", error->line, error->column, open);
    Fail(said.span, said.message, said.hint);
    return nullptr;
  }
  if (fy_parser_get_stream_error(parser.get())) {
    Fail(last_, "the YAML behind this cannot be read", "is the indentation indicator of a block scalar from 1 to 9?");
    return nullptr;
  }
  if (!root_) Fail({0, 0}, "the file holds no YAML", "a pipeline file starts with 'pipeline:'");
  return root_;
}

bool Loader::OnEvent(const fy_event& event) {
  switch (event.type) {
    case FYET_DOCUMENT_START:
      if (++documents_ == 1) return true;
      return Fail(SpanOf(event.document_start.document_start), "a second YAML document starts here",
                  "a file holds one pipeline; remove the '---'");
    case FYET_MAPPING_START:
      return OnStart(true, event.mapping_start.mapping_start, event.mapping_start.anchor, event.mapping_start.tag);
    case FYET_SEQUENCE_START:
      return OnStart(false, event.sequence_start.sequence_start, event.sequence_start.anchor, event.sequence_start.tag);
    case FYET_MAPPING_END:
      return OnEnd(event.mapping_end.mapping_end);
    case FYET_SEQUENCE_END:
      return OnEnd(event.sequence_end.sequence_end);
    case FYET_SCALAR:
      return OnScalar(event.scalar);
    case FYET_ALIAS:
      return OnAlias(event.alias.anchor);
    default:
      return true;
  }
}

ScalarStyle Loader::ApplyTag(fy_token* tag, ScalarStyle style) {
  const std::string_view name = TextOf(tag);
  static constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (name.empty()) return style;
  const std::string_view core = name.substr(0, kCore.size()) == kCore ? name.substr(kCore.size()) : std::string_view();
  if (name == "!" || core == "str") return style == ScalarStyle::kPlain ? ScalarStyle::kDoubleQuoted : style;
  if (core == "int" || core == "float" || core == "bool" || core == "null") return ScalarStyle::kPlain;
  if (core != "map" && core != "seq")
    Fail(SpanOf(tag),
         "the tag '" + (core.empty() ? std::string(name) : "!!" + std::string(core)) + "' is not known here",
         "pipeline files know !!str, !!int, !!float, !!bool, !!null, !!map and !!seq");
  return style;
}

bool Loader::OnScalar(const fy_event_scalar_data& scalar) {
  Span span = SpanOf(scalar.value);
  const std::string anchor(TextOf(scalar.anchor));
  const ScalarStyle style = scalar.value ? StyleOf(scalar.value) : ScalarStyle::kPlain;
  const std::string_view parsed = TextOf(scalar.value);
  if (scalar.value) last_ = span;
  if (!scalar.value || (style == ScalarStyle::kPlain && parsed.empty())) {
    // Nothing stands there: the place of a missing value is its key.
    if (scalar.tag)
      span = SpanOf(scalar.tag);
    else if (!open_.empty() && open_.back().key)
      span = open_.back().key->span();
    const bool has_place = scalar.value != nullptr || scalar.tag != nullptr || (!open_.empty() && open_.back().key);
    if (!has_place) span = open_.empty() ? Span{} : open_.back().start;
    return Add({NodeBuilder::Scalar(source_, span, "", ApplyTag(scalar.tag, style), span.begin, {})}, anchor);
  }
  DecodedScalar decoded = DecodeScalar(source_->text(), span.begin, span.end, style, parsed);
  if (style == ScalarStyle::kSingleQuoted || style == ScalarStyle::kDoubleQuoted) span = {span.begin - 1, span.end + 1};
  if (style == ScalarStyle::kLiteral ||
      style == ScalarStyle::kFolded) {  // from the first to the last character of text
    const std::string& text = source_->text();
    while (span.begin < span.end && (text[span.begin] == ' ' || text[span.begin] == '\n' || text[span.begin] == '\r'))
      ++span.begin;
    while (span.end > span.begin &&
           (text[span.end - 1] == ' ' || text[span.end - 1] == '\n' || text[span.end - 1] == '\r'))
      --span.end;
  }
  return Add({NodeBuilder::Scalar(source_, span, std::move(decoded.text), ApplyTag(scalar.tag, style), decoded.begin,
                                  std::move(decoded.offsets))},
             anchor);
}

bool Loader::OnAlias(fy_token* name) {
  const Span span{SpanOf(name).begin - 1, SpanOf(name).end};
  const std::string wanted(TextOf(name));
  const auto found = anchors_.find(wanted);
  if (found == anchors_.end()) {
    for (const Open& open : open_) {
      if (open.anchor == wanted)
        return Fail(span, "the alias '*" + wanted + "' stands inside the value that it refers to");
    }
    std::vector<std::string> names;
    for (const auto& [anchor, value] : anchors_) names.push_back(anchor);
    const std::string near = ClosestMatch(wanted, names);
    Fail(span, "no anchor '&" + wanted + "' stands before this alias",
         near.empty() ? "" : "did you mean '*" + near + "'?");
    diagnostics_->Silence(source_, span);  // the null that stands in for it fits nowhere
    return Add({NodeBuilder::Scalar(source_, span, "", ScalarStyle::kPlain, span.begin, {})}, "");
  }
  if (static_cast<int>(open_.size()) + found->second.depth > limits_.max_depth) {
    return Fail(span, "this alias nests deeper than " + std::to_string(limits_.max_depth) + " levels");
  }
  if (nodes_ + found->second.nodes > limits_.max_nodes) {
    return Fail(span, "with this alias the file has more than " + std::to_string(limits_.max_nodes) + " values");
  }
  return Add(found->second, "");
}

bool Loader::OnStart(bool is_map, fy_token* start, fy_token* anchor, fy_token* tag) {
  const Span span = SpanOf(start);
  if (static_cast<int>(open_.size()) >= limits_.max_depth) {
    return Fail(span, "the file nests deeper than " + std::to_string(limits_.max_depth) + " levels");
  }
  ApplyTag(tag, ScalarStyle::kPlain);
  Open open;
  open.is_map = is_map;
  open.is_flow = span.end > span.begin;
  open.start = span;
  open.anchor = std::string(TextOf(anchor));
  if (!open.anchor.empty()) anchors_.erase(open.anchor);
  open_.push_back(std::move(open));
  return true;
}

bool Loader::OnEnd(fy_token* end) {
  Open open = std::move(open_.back());
  open_.pop_back();
  if (open.is_map) Merge(&open);
  Span span{open.start.begin, std::max(SpanOf(end).end, open.start.end)};
  if (!open.is_flow) {  // libfyaml ends a block where the next token starts; we end it with its last value
    span.end = open.start.begin;
    for (const NodePtr& item : open.items) span.end = std::max(span.end, item->span().end);
    for (const NodeEntry& entry : open.entries)
      span.end = std::max({span.end, entry.key->span().end, entry.value->span().end});
  }
  open.size.node = open.is_map ? NodeBuilder::Map(source_, span, std::move(open.entries))
                               : NodeBuilder::Sequence(source_, span, std::move(open.items));
  nodes_ -= open.size.nodes - 1;  // counted while they came; Add counts the whole again
  return Add(std::move(open.size), open.anchor);
}

bool Loader::Add(Sized value, const std::string& anchor) {
  nodes_ += value.nodes;
  if (nodes_ > limits_.max_nodes) {
    return Fail(value.node->span(), "the file has more than " + std::to_string(limits_.max_nodes) + " values");
  }
  if (!anchor.empty()) anchors_[anchor] = value;
  if (open_.empty()) {
    root_ = value.node;
    return true;
  }
  Open& parent = open_.back();
  parent.size.nodes += value.nodes;
  parent.size.depth = std::max(parent.size.depth, value.depth + 1);
  if (!parent.is_map) {
    parent.items.push_back(value.node);
  } else if (!parent.key) {
    AddKey(&parent, value.node);
  } else {
    AddEntry(&parent, value.node);
    parent.key = nullptr;
  }
  return true;
}

void Loader::AddKey(Open* parent, const NodePtr& key) {
  parent->key = key;
  if (!key->is_scalar()) {
    const bool jinja = key->is_map() && parent->is_flow;
    Fail(key->span(), "a key must be a single word or string, not " + key->Describe(),
         jinja ? "put a text that starts with '{' in quotes" : "");
    parent->key = NodeBuilder::Scalar(source_, key->span(), "?", ScalarStyle::kDoubleQuoted, key->span().begin, {});
  } else if (key->IsNull() && key->text().empty()) {
    Fail(key->span(), "a key is missing before ':'");
  }
}

void Loader::AddEntry(Open* parent, const NodePtr& value) {
  const NodePtr& key = parent->key;
  if (key->text() == "<<" && key->style() == ScalarStyle::kPlain) {
    parent->merges.push_back(value);
    return;
  }
  const auto [at, is_new] = parent->by_key.emplace(key->text(), parent->entries.size());
  if (is_new) {
    parent->entries.push_back({key, value});
    return;
  }
  const NodePtr& first = parent->entries[at->second].key;
  const Position place = source_->PositionOf(first->span().begin);
  Fail(key->span(), "the key '" + key->text() + "' is given twice",
       "the first one is at " + std::to_string(place.line) + ":" + std::to_string(place.column) +
           "; remove one of them");
}

// `<<: *base` or `<<: [*a, *b]`: keys of the mapping itself win, then those of earlier mappings. In the order of Beam's
// loader: merged entries stand first.
void Loader::Merge(Open* map) {
  if (map->merges.empty()) return;
  std::vector<NodePtr> sources;
  for (const NodePtr& value : map->merges) {
    std::vector<NodePtr> maps = value->is_sequence() ? value->items() : std::vector<NodePtr>{value};
    for (auto it = maps.rbegin(); it != maps.rend(); ++it) {
      if ((*it)->is_map())
        sources.push_back(*it);
      else
        Fail((*it)->span(), "'<<' merges mappings; this is " + (*it)->Describe());
    }
  }
  std::vector<NodeEntry> merged;
  std::unordered_map<std::string_view, size_t> by_key;
  const auto put = [&](const NodeEntry& entry) {
    const auto [at, is_new] = by_key.emplace(entry.key->text(), merged.size());
    if (is_new)
      merged.push_back(entry);
    else
      merged[at->second] = entry;
  };
  for (const NodePtr& source : sources) {
    for (const NodeEntry& entry : source->entries()) put(entry);
  }
  for (const NodeEntry& entry : map->entries) put(entry);
  map->entries = std::move(merged);
}

}  // namespace

NodePtr LoadYaml(const SourcePtr& source, const YamlLimits& limits, Diagnostics* diagnostics) {
  return Loader(source, limits, diagnostics).Load();
}

}  // namespace weir
