// PrintAst: an expression as canonical text of the generic language, with no more parentheses than it needs.
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <array>
#include <cctype>
#include <cmath>

#include "expr/functions/number_text.h"
#include "expr/functions/time_text.h"
#include "expr/parse/ast.h"
#include "expr/parse/literals.h"

namespace weir::expr {
namespace {

enum Precedence { kTernary, kOr, kAnd, kNot, kComparison, kConcat, kSum, kProduct, kUnary, kPostfix };

struct Operator {
  std::string_view name;
  Precedence precedence;
};

constexpr std::array<Operator, 15> kOperators = {{{"=", kComparison},
                                                  {"!=", kComparison},
                                                  {"<", kComparison},
                                                  {"<=", kComparison},
                                                  {">", kComparison},
                                                  {">=", kComparison},
                                                  {"like", kComparison},
                                                  {"ilike", kComparison},
                                                  {"||", kConcat},
                                                  {"+", kSum},
                                                  {"-", kSum},
                                                  {"*", kProduct},
                                                  {"/", kProduct},
                                                  {"//", kProduct},
                                                  {"%", kProduct}}};

std::string QuoteString(std::string_view s) {
  std::string out = "'";
  for (char c : s) {
    switch (c) {
      case '\'':
        out += "\\'";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\0':
        out += "\\x00";
        break;
      default:
        out += c;
    }
  }
  return out + "'";
}

std::string PrintScalar(const arrow::Scalar& value) {
  std::string type = TypeName(*value.type);
  if (!value.is_valid) return value.type->id() == arrow::Type::NA ? "null" : "cast(null as " + type + ")";
  switch (value.type->id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanScalar&>(value).value ? "true" : "false";
    case arrow::Type::INT64:
      return std::to_string(static_cast<const arrow::Int64Scalar&>(value).value);
    case arrow::Type::DOUBLE: {
      std::string text = FormatDouble(static_cast<const arrow::DoubleScalar&>(value).value);
      return std::isfinite(static_cast<const arrow::DoubleScalar&>(value).value) ? text
                                                                                 : "cast('" + text + "' as number)";
    }
    case arrow::Type::STRING:
      return QuoteString(static_cast<const arrow::BaseBinaryScalar&>(value).view());
    case arrow::Type::TIMESTAMP:
      return "timestamp '" + FormatTimestamp(static_cast<const arrow::TimestampScalar&>(value).value) + "'";
    case arrow::Type::DATE32:
      return "date '" + FormatDate(static_cast<const arrow::Date32Scalar&>(value).value) + "'";
    default:
      return "cast(" + QuoteString(value.ToString()) + " as " + type + ")";
  }
}

class Printer {
 public:
  std::string Print(const Ast& ast, Precedence outer) {
    Precedence own = kPostfix;
    std::string text = Bare(ast, &own);
    return own < outer ? "(" + text + ")" : text;
  }

 private:
  std::string List(const Ast& ast, size_t from = 0) {
    std::string text;
    for (size_t i = from; i < ast.args.size(); ++i) text += (i > from ? ", " : "") + Print(*ast.args[i], kTernary);
    return text;
  }

  std::string Joined(const Ast& ast, const char* word, Precedence own) {
    std::string text;
    for (const AstPtr& arg : ast.args) {
      text += (text.empty() ? "" : word) + Print(*arg, static_cast<Precedence>(own + 1));
    }
    return text;
  }

  std::string Case(const Ast& ast) {
    std::string text = "case";
    for (size_t i = 0; i + 1 < ast.args.size(); i += 2) {
      text += " when " + Print(*ast.args[i], kTernary) + " then " + Print(*ast.args[i + 1], kTernary);
    }
    if (ast.args.back() != nullptr) text += " else " + Print(*ast.args.back(), kTernary);
    return text + " end";
  }

  std::string Call(const Ast& ast, Precedence* own) {
    if (ast.text == "is null") {
      *own = kComparison;
      return Print(*ast.args[0], kConcat) + " is null";
    }
    if (ast.text == "-" && ast.args.size() == 1) {
      *own = kUnary;
      std::string inner = Print(*ast.args[0], kPostfix);
      return inner[0] == '-' || std::isdigit(static_cast<unsigned char>(inner[0])) ? "-(" + inner + ")" : "-" + inner;
    }
    for (const Operator& op : kOperators) {
      if (op.name != ast.text || ast.args.size() != 2) continue;
      *own = op.precedence;
      auto tighter = static_cast<Precedence>(op.precedence + 1);
      return Print(*ast.args[0], op.precedence == kComparison ? tighter : op.precedence) + " " + ast.text + " " +
             Print(*ast.args[1], tighter);
    }
    return ast.text + "(" + List(ast) + ")";
  }

  std::string Bare(const Ast& ast, Precedence* own) {
    switch (ast.kind) {
      case AstKind::kScalar: {
        std::string text = PrintScalar(*ast.value);
        if (text[0] == '-') *own = kUnary;
        return text;
      }
      case AstKind::kInterval:
        return "interval '" + FormatInterval(ast.months, ast.micros) + "'";
      case AstKind::kName:
        return QuoteName(ast.text);
      case AstKind::kField:
        return Print(*ast.args[0], kPostfix) + "." + QuoteName(ast.text);
      case AstKind::kIndex:
        return Print(*ast.args[0], kPostfix) + "[" + Print(*ast.args[1], kTernary) + "]";
      case AstKind::kSlice:
        return Print(*ast.args[0], kPostfix) + "[" + (ast.args[1] ? Print(*ast.args[1], kTernary) : "") + ":" +
               (ast.args[2] ? Print(*ast.args[2], kTernary) : "") + "]";
      case AstKind::kCall:
        return Call(ast, own);
      case AstKind::kAnd:
        *own = kAnd;
        return Joined(ast, " and ", kAnd);
      case AstKind::kOr:
        *own = kOr;
        return Joined(ast, " or ", kOr);
      case AstKind::kNot:
        *own = kNot;
        return "not " + Print(*ast.args[0], kNot);
      case AstKind::kCase:
        return Case(ast);
      case AstKind::kCast:
      case AstKind::kTryCast:
        return std::string(ast.kind == AstKind::kCast ? "cast(" : "try_cast(") + Print(*ast.args[0], kTernary) +
               " as " + TypeName(*ast.type) + ")";
      case AstKind::kIn:
        *own = kComparison;
        return Print(*ast.args[0], kConcat) + " in (" + List(ast, 1) + ")";
      case AstKind::kList:
        return "[" + List(ast) + "]";
      case AstKind::kMap: {
        std::string text;
        for (size_t i = 0; i < ast.args.size(); i += 2) {
          text += (i > 0 ? ", " : "") + Print(*ast.args[i], kTernary) + ": " + Print(*ast.args[i + 1], kTernary);
        }
        return "{" + text + "}";
      }
    }
    return "";
  }
};

}  // namespace

std::string QuoteName(const std::string& name) {
  static constexpr std::array<std::string_view, 22> kWords = {
      "and",  "or",   "not",  "in",    "is",   "like", "ilike", "between", "else",     "case",      "null",
      "true", "none", "when", "false", "then", "end",  "if",    "cast",    "interval", "timestamp", "date"};
  bool bare = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) && name[0] != '$';
  std::string lower;
  for (char c : name) {
    auto u = static_cast<unsigned char>(c);
    bare = bare && (std::isalnum(u) || c == '_' || c == '$' || u >= 0x80);
    lower += static_cast<char>(std::tolower(u));
  }
  for (std::string_view word : kWords) bare = bare && lower != word;
  if (bare) return name;
  std::string out = "`";
  for (char c : name) out += c == '`' ? std::string("``") : std::string(1, c);
  return out + "`";
}

std::string PrintAst(const Ast& ast) { return Printer().Print(ast, kTernary); }

}  // namespace weir::expr
