// What people and editors read about components: text for a terminal, Markdown, JSON, JSON Schema.
#pragma once

#include <string>
#include <vector>

#include "config/component_spec.h"

namespace weir {

const char* KindName(ComponentKind kind);  // "source", "transform", "sink"

/// For `weir describe NAME`. `all`: with settings marked as advanced. Colours only if `color`.
std::string RenderText(const ComponentSpec& spec, bool all, bool color);

/// The reference page.
std::string RenderMarkdown(const ComponentSpec& spec);

/// {name, kind, summary, doc, guarantees, fields: [{name, type, doc, required, default, choices, …}], examples}.
std::string RenderSpecJson(const ComponentSpec& spec);

/// JSON Schema 2020-12 of the component's `config`, as text.
std::string JsonSchema(const ComponentSpec& spec);

/// JSON Schema 2020-12 of a whole pipeline file: each step's `type` decides what its `config` may hold. For editors.
std::string PipelineJsonSchema(const std::vector<const ComponentSpec*>& specs);

}  // namespace weir
