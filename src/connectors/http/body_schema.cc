// Checks `schema` beside `format`.
#include "connectors/http/body_schema.h"

#include "connectors/files/file_paths.h"
#include "connectors/support/body_parser.h"
#include "plan/declared_type.h"

namespace weir {

SchemaPtr BodySchema(bool is_text, const SchemaDecl& declared, BindContext& context) {
  if (!is_text && declared.empty()) {
    context.StepError("the step needs a 'schema', the fields of what comes and their types",
                      "for example schema: {id: integer, at: timestamp}; or 'format: text' for lines");
    return nullptr;
  }
  if (!is_text) return DeclaredSchema(declared, &context.diagnostics());
  if (declared.empty()) return TextBodySchema();
  ConfigError(context, "schema", "text has the one field 'line': it takes no schema");
  return nullptr;
}

}  // namespace weir
