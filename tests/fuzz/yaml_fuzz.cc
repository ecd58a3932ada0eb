// Fuzz target: any bytes as a pipeline file. Every mistake has a place inside the text, and is told without a crash.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/check.h"
#include "config/diagnostic.h"
#include "config/node.h"
#include "plan/pipeline_text.h"

namespace weir {
namespace {

void CheckPlaces(const SourcePtr& source, const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.Sorted()) {
    WEIR_CHECK(!diagnostic.message.empty(), "a diagnostic says something");
    if (diagnostic.source != source) continue;
    WEIR_CHECK(diagnostic.span.begin <= diagnostic.span.end, "a span has an order");
    WEIR_CHECK(diagnostic.span.end <= source->text().size() + 1, "a span lies in the text");
  }
  diagnostics.Render(/*color=*/false);
}

void Try(std::string text) {
  auto source = std::make_shared<const SourceFile>("fuzz.yaml", std::move(text));
  YamlLimits limits;
  limits.max_nodes = 20000;
  Diagnostics diagnostics;
  const NodePtr root = LoadYaml(source, limits, &diagnostics);
  if (root == nullptr) {
    WEIR_CHECK(diagnostics.has_errors(), "a file without a tree has a mistake");
  } else {
    const PipelineFile file = PipelineFile::Parse(root, &diagnostics);
    file.Build(&diagnostics);
    for (size_t i = 0; i < file.tests().size(); ++i) file.BuildTest(i, &diagnostics);
  }
  CheckPlaces(source, diagnostics);
}

}  // namespace
}  // namespace weir

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::Try(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
