// How settings' types are called in messages and documents.
#include "config/field.h"

namespace weir {
namespace {

std::string NameOf(const TypeInfo& type, bool plural) {
  const auto many = [&](const char* one, const char* more) { return std::string(plural ? more : one); };
  switch (type.kind) {
    case TypeKind::kString:
      return many("a string", "strings");
    case TypeKind::kBool:
      return many("true or false", "booleans");
    case TypeKind::kInteger:
      return many("an integer", "integers");
    case TypeKind::kNumber:
      return many("a number", "numbers");
    case TypeKind::kDuration:
      return many("a duration", "durations");
    case TypeKind::kByteSize:
      return many("a size", "sizes");
    case TypeKind::kExpression:
      return many("an expression", "expressions");
    case TypeKind::kSchema:
      return many("a schema", "types");
    case TypeKind::kAny:
      return many("a value", "values");
    case TypeKind::kList:
      return many("a list of ", "lists of ") + NameOf(*type.element, true);
    case TypeKind::kMap:
      return many("a mapping of names to ", "mappings of names to ") + NameOf(*type.element, true);
    case TypeKind::kStruct:
      return many("a mapping", "mappings");
  }
  return "a value";
}

}  // namespace

std::string FieldInfo::TypeName() const {
  if (!doc.type_name.empty()) return doc.type_name;
  std::string name = NameOf(type, false);
  if (type.kind == TypeKind::kList && doc.or_single) name = NameOf(*type.element, false) + " or " + name;
  return name;
}

}  // namespace weir
