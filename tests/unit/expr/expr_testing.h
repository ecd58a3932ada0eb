// Helpers of the expression tests: compile, run over rows given as JSON, show results as JSON.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"

namespace weir {

/// The values as JSON texts, "error: …" for rows that failed; or one "plan error: …" with the marked text.
std::vector<std::string> Evaluate(const Batch& batch, std::string_view text,
                                  ExprLanguage language = ExprLanguage::kGeneric);

/// The same joined by " | ", for one-line tables.
std::string EvaluateLine(const Batch& batch, std::string_view text, ExprLanguage language = ExprLanguage::kGeneric);

/// All mistakes: "begin-end 'marked text': message [hint]", one per line.
std::string PlanErrors(const arrow::Schema& schema, std::string_view text,
                       ExprLanguage language = ExprLanguage::kGeneric);

/// Row numbers that pass.
std::vector<int> FilterRows(const Batch& batch, std::string_view text);

}  // namespace weir
