// What a function is made of: documentation, and overloads with their kernels. One registration line per function, in
// the file that holds its kernels; functions/register.cc lists the files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expr/program.h"

namespace weir::expr {

/// What a Bind function may look at and change: argument types (to which arguments are then converted), the result
/// type, the kernel, its state. Returns a message when the arguments will not do, else "".
struct CallBinding {
  std::vector<const Node*> args;  // read only; constants can be looked at
  std::vector<TypePtr> types;     // in: of the arguments after matching; out: what to convert them to
  TypePtr t;                      // what T stands for, null when no argument fixes it
  TypePtr result;
  KernelFn kernel = nullptr;
  uint32_t flags = kNoFlags;
  std::shared_ptr<const KernelState> state;
  std::string state_key;
  CompareOp compare = CompareOp::kNone;

  /// The constant text of argument `k`, or null when it is not a constant string.
  const std::string* ConstantText(size_t k);

 private:
  std::vector<std::unique_ptr<std::string>> texts_;
};
using BindFn = std::string (*)(CallBinding&);

struct Overload {
  /// "(string, integer [, integer]) -> string". Types are those of pipeline files, `decimal` (any), `T` (the common
  /// type of all T), `any`, `array<T>`, `map<T>`, `object`; `T...` is one or more. A result of `any` is set by `bind`.
  const char* signature;
  KernelFn kernel;
  uint32_t flags = kNoFlags;
  BindFn bind = nullptr;
};

struct Function {
  const char* name;
  const char* group;
  const char* doc;
  const char* example;
  const char* result;
  std::vector<Overload> overloads;
};

enum class ParamKind { kExact, kDecimal, kT, kArrayOfT, kMapOfT, kAny, kAnyArray, kObject };

struct Param {
  ParamKind kind = ParamKind::kExact;
  TypePtr type;  // of kExact
};

struct Signature {
  std::vector<Param> params;
  size_t required = 0;
  bool variadic = false;  // the last param repeats
  Param result;
};

/// Functions by name with parsed signatures; built once.
class FunctionRegistry {
 public:
  static const FunctionRegistry& Get();
  struct Entry {
    const Function* function;
    std::vector<Signature> signatures;  // of its overloads
  };
  const Entry* Find(std::string_view name) const;
  const std::vector<Function>& functions() const { return functions_; }
  /// The function name nearest to `name`, or "".
  std::string Nearest(std::string_view name) const;

 private:
  FunctionRegistry();
  std::vector<Function> functions_;
  std::unordered_map<std::string, Entry> by_name_;
};

/// The best overload for `binding->args`; fills the binding. Returns a message that says what the function takes when
/// none fits. `bad_arg` is then the argument at fault, or -1 when it is not one alone.
std::string BindCall(const FunctionRegistry::Entry& entry, CallBinding* binding, int* bad_arg);

/// The type that values of `a` and `b` both convert to without loss of meaning, or null: integer and number are number,
/// date and timestamp are timestamp, null is anything.
TypePtr CommonType(const TypePtr& a, const TypePtr& b);

/// How `from` becomes `to`.
struct Conversion {
  KernelFn kernel = nullptr;  // null: no such conversion
  uint32_t flags = kNoFlags;
};
Conversion FindConversion(const arrow::DataType& from, const arrow::DataType& to, bool try_cast);

/// Kernels that the checker itself asks for, by register kind.
KernelFn CompareKernel(CompareOp op, Phys phys);
std::shared_ptr<const KernelState> MakeInSet(const std::vector<const Node*>& constants, Phys phys, std::string* key);
KernelFn InKernel(Phys phys);
KernelFn TruthKernel(Phys phys);
KernelFn IsNullKernel();
KernelFn NotKernel();
KernelFn AddIntervalKernel();
std::shared_ptr<const KernelState> MakeInterval(int64_t months, int64_t micros);
KernelFn MakeListKernel();
KernelFn MakeStructKernel();
KernelFn MakeMapKernel();

// The files of functions/.
using FunctionList = std::vector<Function>;
/// Further overloads of a function that `list` has, for other types.
void AddOverloads(FunctionList* list, std::string_view name, std::vector<Overload> overloads);
void AddArithmetic(FunctionList* list);
void AddMath(FunctionList* list);
void AddComparison(FunctionList* list);
void AddStrings(FunctionList* list);
void AddStringParts(FunctionList* list);
void AddPatterns(FunctionList* list);
void AddTimes(FunctionList* list);
void AddTimeParts(FunctionList* list);
void AddLists(FunctionList* list);
void AddMaps(FunctionList* list);
void AddJson(FunctionList* list);
void AddHashes(FunctionList* list);

}  // namespace weir::expr
