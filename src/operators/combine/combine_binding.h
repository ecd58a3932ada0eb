// What steps that group rows (Combine, Distinct) tell the planner.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operators/combine/combine_operators.h"
#include "plan/binding.h"

namespace weir {

/// Whether a window may give anything but one pane when its input has ended.
bool NeedsPanes(const CollectionInfo& in);

/// Fills in what follows from keys, calls and the input: keys, window keys and partial states, as they cross the
/// exchange.
Status CompletePlan(const CollectionInfo& in, CombinePlan* plan);

/// Columns of the input that keys and values of a complete plan read.
std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>&)> NeedsOf(const CombinePlan& plan);

/// For an input that does not need panes: completes `plan`, which holds keys, calls, values and schemas of groups and
/// output. One operator in a run with one lane, else partial aggregation, exchange, merge. Nullopt after an error.
std::optional<StepBinding> BindCombinePlan(std::shared_ptr<CombinePlan> plan, BindContext& context);

/// For any other input: windows give the panes that their triggers say; output `late` has the rows that came too late.
/// Nullopt after an error.
std::optional<StepBinding> BindCombinePanes(std::shared_ptr<CombinePlan> plan, BindContext& context);

/// For explain: what keeps the state of a step bounded that holds `what` by window, or that nothing does.
std::string StateNote(const WindowingStrategy& windowing, const std::string& what);

}  // namespace weir
