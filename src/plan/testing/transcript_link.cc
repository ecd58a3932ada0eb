// Transcripts against the pipeline they are about: which steps they name, and whether what they tell can happen.
#include <algorithm>
#include <string>
#include <utility>

#include "plan/pipeline_tree.h"

namespace weir {
namespace {

using Kind = TranscriptItem::Kind;

class Linker {
 public:
  Linker(const NameIndex& names, Transcript* transcript, Diagnostics* diagnostics)
      : names_(names), transcript_(*transcript), diagnostics_(diagnostics) {}

  void Link() {
    for (TranscriptItem& item : transcript_.items) {
      if (!item.step_node) continue;
      item.collection =
          Resolve(item.step_node, item.kind == Kind::kExpect ? &transcript_.expected : &transcript_.mocked);
    }
    inputs_.resize(transcript_.mocked.size());
    for (const TranscriptItem& item : transcript_.items) Check(item);
  }

 private:
  struct Input {
    const TranscriptItem* end = nullptr;  // what ended it
    EventTime watermark = kMinEventTime;
  };

  /// Index in `collections`, or -1 after an error.
  int Resolve(const NodePtr& name, std::vector<TranscriptCollection>* collections) {
    TranscriptCollection found{name->text(), name, -1, ""};
    found.item = FindTestedStep(names_, name, &found.output, diagnostics_);
    if (found.item < 0) return -1;
    for (size_t i = 0; i < collections->size(); ++i) {
      const TranscriptCollection& known = (*collections)[i];
      if (known.item == found.item && known.output == found.output) return static_cast<int>(i);
    }
    collections->push_back(std::move(found));
    return static_cast<int>(collections->size()) - 1;
  }

  void Check(const TranscriptItem& item) {
    if (item.kind == Kind::kExpect || (item.step_node && item.collection < 0)) return;
    if (inputs_.empty()) {
      if (item.kind == Kind::kWatermark || item.kind == Kind::kEnd)
        ErrorAt(item.node, "this transcript names no step that gives rows", diagnostics_, "add an 'input'");
      return;
    }
    if (item.collection >= 0) return CheckInput(item, item.collection);
    bool any = false;  // still open
    const int errors = diagnostics_->error_count();
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].end != nullptr) continue;
      any = true;
      if (diagnostics_->error_count() == errors) CheckInput(item, static_cast<int>(i));
    }
    if (!any && item.kind != Kind::kProcessingTime) ErrorAt(item.node, "every input has ended", diagnostics_);
  }

  void CheckInput(const TranscriptItem& item, int index) {
    Input& input = inputs_[index];
    const TranscriptCollection& collection = transcript_.mocked[index];
    if (input.end != nullptr) {
      const Position at = input.end->node->source()->PositionOf(input.end->node->span().begin);
      ErrorAt(item.node, "'" + collection.name + "' has ended in line " + std::to_string(at.line), diagnostics_,
              "move this before the 'end'");
    } else if (item.kind == Kind::kEnd) {
      input.end = &item;
    } else if (item.kind == Kind::kWatermark) {
      if (item.time_us < input.watermark)
        ErrorAt(item.node, "the watermark of '" + collection.name + "' goes back", diagnostics_,
                "a watermark says that nothing older comes; it stays or goes on");
      input.watermark = std::max(input.watermark, item.time_us);
    }
  }

  const NameIndex& names_;
  Transcript& transcript_;
  Diagnostics* const diagnostics_;
  std::vector<Input> inputs_;  // one per mocked collection
};

}  // namespace

void LinkTranscript(const NameIndex& names, Transcript* transcript, Diagnostics* diagnostics) {
  Linker(names, transcript, diagnostics).Link();
}

}  // namespace weir
