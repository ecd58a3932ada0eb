// Declared types, resolved name by name.
#include "plan/declared_type.h"

#include <arrow/type.h>

#include <optional>

namespace weir {
namespace {

/// The fields of an object type; nullopt after errors.
std::optional<arrow::FieldVector> DeclaredFields(const TypeDecl& object, Diagnostics* diagnostics) {
  arrow::FieldVector fields;
  bool ok = true;
  for (const auto& [name, type] : object.fields) {
    TypePtr resolved = DeclaredType(type, diagnostics);
    ok &= resolved != nullptr;
    if (resolved) fields.push_back(arrow::field(name, std::move(resolved)));
  }
  if (!ok) return std::nullopt;
  return fields;
}

}  // namespace

TypePtr DeclaredType(const TypeDecl& declared, Diagnostics* diagnostics) {
  switch (declared.kind) {
    case TypeDecl::Kind::kNamed: {
      auto type = TypeFromName(declared.name);
      if (type.ok()) return *type;
      diagnostics->Error(declared.node->source(), declared.node->span(), type.status().message());
      return nullptr;
    }
    case TypeDecl::Kind::kArray: {
      TypePtr element = DeclaredType(declared.element[0], diagnostics);
      return element ? arrow::list(std::move(element)) : nullptr;
    }
    case TypeDecl::Kind::kMap: {
      TypePtr element = DeclaredType(declared.element[0], diagnostics);
      return element ? arrow::map(arrow::utf8(), std::move(element)) : nullptr;
    }
    case TypeDecl::Kind::kObject: {
      auto fields = DeclaredFields(declared, diagnostics);
      return fields ? arrow::struct_(std::move(*fields)) : nullptr;
    }
  }
  return nullptr;
}

SchemaPtr DeclaredSchema(const SchemaDecl& declared, Diagnostics* diagnostics) {
  auto fields = DeclaredFields(declared.row, diagnostics);
  return fields ? arrow::schema(std::move(*fields)) : nullptr;
}

}  // namespace weir
