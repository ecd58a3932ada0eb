// Declared types: see type_decl.h.
#include "operators/support/type_decl.h"

#include <arrow/type.h>

namespace weir {

TypePtr TypeOfDecl(const TypeDecl& decl, Diagnostics* diagnostics) {
  switch (decl.kind) {
    case TypeDecl::Kind::kNamed: {
      auto type = TypeFromName(decl.name);
      if (type.ok()) return *type;
      diagnostics->Error(decl.node->source(), decl.node->span(), "there is no type '" + decl.name + "'",
                         "types are integer, number, boolean, string, bytes, timestamp, date, decimal(p, s), array, "
                         "object, map");
      return nullptr;
    }
    case TypeDecl::Kind::kArray: {
      TypePtr item = TypeOfDecl(decl.element[0], diagnostics);
      return item ? arrow::list(item) : nullptr;
    }
    case TypeDecl::Kind::kMap: {
      TypePtr item = TypeOfDecl(decl.element[0], diagnostics);
      return item ? arrow::map(arrow::utf8(), item) : nullptr;
    }
    case TypeDecl::Kind::kObject: {
      arrow::FieldVector fields;
      bool good = true;
      for (const auto& [name, type_decl] : decl.fields) {
        TypePtr type = TypeOfDecl(type_decl, diagnostics);
        good &= type != nullptr;
        if (type) fields.push_back(arrow::field(name, std::move(type)));
      }
      return good ? arrow::struct_(std::move(fields)) : nullptr;
    }
  }
  return nullptr;
}

}  // namespace weir
