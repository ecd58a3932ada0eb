// Parser: precedence climbing, one token of look-ahead (two for "not in"). Grammar, loosest first:
//   ternary    := or ["if" or "else" ternary]
//   or         := and {"or" and}            and := not {"and" not}        not := {"not"} comparison
//   comparison := concat [op concat | "is" ["not"] "null" | ["not"] ("in" | "like" | "ilike" | "between") …]
//   concat     := sum {"||" sum}            sum := product {("+" | "-") product}
//   product    := unary {("*" | "/" | "//" | "%") unary}                  unary := {"-" | "+"} postfix
//   postfix    := primary {"." name | "[" ternary "]" | "[" [ternary] ":" [ternary] "]" | "::" type}
#include "expr/parse/parser.h"

#include <arrow/scalar.h>

#include <initializer_list>

#include "expr/parse/lexer.h"
#include "expr/parse/literals.h"

namespace weir::expr {
namespace {

// An expression ends where a mistake stands: functions return null and everything above them returns too.
class Parser {
 public:
  Parser(std::vector<Token> tokens, std::vector<ExprError>* errors) : tokens_(std::move(tokens)), errors_(errors) {}

  AstPtr Run() {
    AstPtr ast = Ternary();
    if (ast == nullptr) return nullptr;
    if (Peek().kind != TokenKind::kEnd) return Unexpected("an operator or the end");
    return ast;
  }

 private:
  struct Nested {  // counts one level of parentheses, calls or cases
    explicit Nested(Parser* p) : parser(p) { ++parser->nesting_; }
    ~Nested() { --parser->nesting_; }
    Parser* parser;
  };

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& Next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  size_t End() const { return at_ == 0 ? 0 : tokens_[at_ - 1].end; }  // of the token before

  bool IsWord(std::string_view word, size_t ahead = 0) const {
    return Peek(ahead).kind == TokenKind::kName && Peek(ahead).lower == word;
  }
  bool IsSymbol(std::string_view symbol, size_t ahead = 0) const {
    return Peek(ahead).kind == TokenKind::kSymbol && Peek(ahead).text == symbol;
  }
  bool TakeWord(std::string_view word) { return IsWord(word) && (Next(), true); }
  bool TakeSymbol(std::string_view symbol) { return IsSymbol(symbol) && (Next(), true); }

  std::nullptr_t Fail(size_t begin, size_t end, std::string message, std::string hint = "") {
    errors_->push_back({begin, end, std::move(message), std::move(hint)});
    return nullptr;
  }
  std::nullptr_t Unexpected(const std::string& expected) {
    const Token& token = Peek();
    if (token.kind == TokenKind::kEnd) {
      return Fail(token.begin, token.end, "the expression ends where " + expected + " is expected");
    }
    std::string hint;
    if (token.text == "&&") hint = "write 'and'";
    if (token.text == "!") hint = "write 'not'";
    if (token.text == "**") hint = "write power(x, y)";
    if (token.text == "&" || token.text == "|") hint = "write 'and' or 'or'";
    std::string seen = token.kind == TokenKind::kString ? "a string" : "'" + token.text + "'";
    return Fail(token.begin, token.end, "unexpected " + seen + ", expected " + expected, std::move(hint));
  }
  bool Expect(std::string_view symbol) {
    if (TakeSymbol(symbol)) return true;
    Unexpected("'" + std::string(symbol) + "'");
    return false;
  }

  AstPtr Make(AstKind kind, size_t begin, std::vector<AstPtr> args, std::string text = "") {
    return MakeAst(kind, begin, End(), std::move(args), std::move(text));
  }
  AstPtr MakeAst(AstKind kind, size_t begin, size_t end, std::vector<AstPtr> args, std::string text) {
    auto ast = std::make_shared<Ast>();
    ast->kind = kind;
    ast->begin = begin;
    ast->end = end;
    for (const AstPtr& arg : args) {
      if (arg != nullptr) ast->height = std::max(ast->height, arg->height + 1);
    }
    if (ast->height > kMaxAstHeight) return Fail(begin, end, "the expression has more than 500 chained operators");
    ast->args = std::move(args);
    ast->text = std::move(text);
    return ast;
  }
  AstPtr Call(size_t begin, std::string name, std::vector<AstPtr> args) {
    return Make(AstKind::kCall, begin, std::move(args), std::move(name));
  }
  AstPtr Scalar(size_t begin, std::shared_ptr<arrow::Scalar> value) {
    auto ast = std::make_shared<Ast>();
    ast->begin = begin;
    ast->end = End();
    ast->value = std::move(value);
    return ast;
  }

  AstPtr Ternary() {
    if (nesting_ > ExprLimits::kMaxNesting) {
      return Fail(Peek().begin, Peek().end,
                  "the expression is nested more than " + std::to_string(ExprLimits::kMaxNesting) + " deep");
    }
    Nested nested(this);
    size_t begin = Peek().begin;
    AstPtr then = Or();
    if (then == nullptr || !IsWord("if")) return then;
    Next();
    AstPtr condition = Or();
    if (condition == nullptr) return nullptr;
    if (!TakeWord("else")) return Unexpected("'else'");
    AstPtr otherwise = Ternary();
    if (otherwise == nullptr) return nullptr;
    return Make(AstKind::kCase, begin, {condition, then, otherwise});
  }

  AstPtr Or() { return Chain("or", AstKind::kOr, &Parser::And); }
  AstPtr And() { return Chain("and", AstKind::kAnd, &Parser::Not); }

  // AND and OR are flat however long they are.
  AstPtr Chain(std::string_view word, AstKind kind, AstPtr (Parser::*operand)()) {
    size_t begin = Peek().begin;
    AstPtr first = (this->*operand)();
    if (first == nullptr || !IsWord(word)) return first;
    std::vector<AstPtr> args{std::move(first)};
    while (TakeWord(word)) {
      args.push_back((this->*operand)());
      if (args.back() == nullptr) return nullptr;
    }
    return Make(kind, begin, std::move(args));
  }

  AstPtr Not() {
    size_t begin = Peek().begin;
    int count = 0;
    while (TakeWord("not")) ++count;
    AstPtr ast = Comparison();
    for (; ast != nullptr && count > 0; --count) ast = Make(AstKind::kNot, begin, {ast});
    return ast;
  }

  bool AtComparison() const {
    if (Peek().kind != TokenKind::kSymbol) return false;
    for (const char* op : {"=", "==", "!=", "<>", "<", "<=", ">", ">="}) {
      if (Peek().text == op) return true;
    }
    return false;
  }

  AstPtr Comparison() {
    size_t begin = Peek().begin;
    AstPtr left = Concat();
    if (left == nullptr) return nullptr;
    if (AtComparison()) {
      std::string op = Next().text;
      if (op == "==") op = "=";
      if (op == "<>") op = "!=";
      AstPtr right = Concat();
      if (right == nullptr) return nullptr;
      if (AtComparison()) {
        return Fail(Peek().begin, Peek().end, "comparisons do not chain", "join them with 'and': a < b and b < c");
      }
      return Call(begin, op, {left, right});
    }
    if (TakeWord("is")) {
      bool negated = TakeWord("not");
      if (!TakeWord("null") && !TakeWord("none")) return Unexpected(negated ? "'null'" : "'null' or 'not null'");
      return Negate(begin, negated, Call(begin, "is null", {left}));
    }
    bool negated =
        IsWord("not") && (IsWord("in", 1) || IsWord("like", 1) || IsWord("ilike", 1) || IsWord("between", 1));
    if (negated) Next();
    if (TakeWord("in")) return Negate(begin, negated, In(begin, left));
    if (IsWord("like") || IsWord("ilike")) {
      std::string op = Next().lower;
      AstPtr pattern = Concat();
      return pattern == nullptr ? nullptr : Negate(begin, negated, Call(begin, op, {left, pattern}));
    }
    if (TakeWord("between")) {
      AstPtr low = Concat();
      if (low == nullptr) return nullptr;
      if (!TakeWord("and")) return Unexpected("'and' of between");
      AstPtr high = Concat();
      if (high == nullptr) return nullptr;
      return Negate(begin, negated,
                    Make(AstKind::kAnd, begin, {Call(begin, ">=", {left, low}), Call(begin, "<=", {left, high})}));
    }
    return left;
  }

  AstPtr Negate(size_t begin, bool negated, AstPtr ast) {
    return negated && ast != nullptr ? Make(AstKind::kNot, begin, {ast}) : ast;
  }

  // in (a, b, c), in [a, b, c], or in a list that some expression gives.
  AstPtr In(size_t begin, const AstPtr& left) {
    bool parenthesis = IsSymbol("(");
    if (!parenthesis && !IsSymbol("[")) {
      AstPtr list = Concat();
      return list == nullptr ? nullptr : Call(begin, "contains", {list, left});
    }
    Next();
    std::vector<AstPtr> args{left};
    if (!Items(parenthesis ? ")" : "]", &args)) return nullptr;
    return Make(AstKind::kIn, begin, std::move(args));
  }

  // Expressions separated by commas up to `close`, which is taken; a comma may stand before it.
  bool Items(std::string_view close, std::vector<AstPtr>* out) {
    while (!TakeSymbol(close)) {
      out->push_back(Ternary());
      if (out->back() == nullptr) return false;
      if (!IsSymbol(close) && !TakeSymbol(",")) {
        Unexpected("',' or '" + std::string(close) + "'");
        return false;
      }
    }
    return true;
  }

  AstPtr Concat() { return LeftChain({"||"}, &Parser::Sum); }
  AstPtr Sum() { return LeftChain({"+", "-"}, &Parser::Product); }
  AstPtr Product() { return LeftChain({"*", "/", "//", "%"}, &Parser::Unary); }

  AstPtr LeftChain(std::initializer_list<std::string_view> operators, AstPtr (Parser::*operand)()) {
    size_t begin = Peek().begin;
    AstPtr left = (this->*operand)();
    while (left != nullptr) {
      std::string_view found;
      for (std::string_view op : operators) {
        if (IsSymbol(op)) found = op;
      }
      if (found.empty()) break;
      Next();
      AstPtr right = (this->*operand)();
      left = right == nullptr ? nullptr : Call(begin, std::string(found), {left, right});
    }
    return left;
  }

  AstPtr Unary() {
    size_t begin = Peek().begin;
    int minus = 0;
    int signs = 0;
    while (IsSymbol("-") || IsSymbol("+")) {
      minus += IsSymbol("-");
      ++signs;
      Next();
    }
    if (minus == 1 && signs == 1 && Peek().kind == TokenKind::kInteger && Peek().integer <= uint64_t{1} << 63) {
      int64_t value = static_cast<int64_t>(-Next().integer);  // reaches the smallest int64, which has no positive twin
      return Postfix(Scalar(begin, arrow::MakeScalar(value)));
    }
    AstPtr ast = Postfix(Primary());
    for (; ast != nullptr && minus > 0; --minus) {
      if (ast->kind == AstKind::kScalar && ast->value->type->id() == arrow::Type::DOUBLE) {
        ast = Scalar(begin, arrow::MakeScalar(-static_cast<const arrow::DoubleScalar&>(*ast->value).value));
      } else {
        ast = Call(begin, "-", {ast});
      }
    }
    return ast;
  }

  AstPtr Postfix(AstPtr ast) {
    while (ast != nullptr) {
      size_t begin = ast->begin;
      if (TakeSymbol(".")) {
        if (Peek().kind != TokenKind::kName && Peek().kind != TokenKind::kQuotedName) return Unexpected("a field name");
        std::string name = Next().text;
        if (IsSymbol("(")) {
          return Fail(tokens_[at_ - 1].begin, End(), "values have no methods", "write " + name + "(value, …)");
        }
        ast = Make(AstKind::kField, begin, {ast}, std::move(name));
      } else if (TakeSymbol("[")) {
        ast = Subscript(begin, ast);
      } else if (TakeSymbol("::")) {
        ast = CastTo(AstKind::kCast, begin, ast);
      } else {
        break;
      }
    }
    return ast;
  }

  AstPtr Subscript(size_t begin, const AstPtr& value) {
    AstPtr first, second;
    if (!IsSymbol(":")) {
      first = Ternary();
      if (first == nullptr) return nullptr;
    }
    if (!TakeSymbol(":")) {
      return Expect("]") ? Make(AstKind::kIndex, begin, {value, first}) : nullptr;
    }
    if (!IsSymbol("]")) {
      second = Ternary();
      if (second == nullptr) return nullptr;
    }
    return Expect("]") ? Make(AstKind::kSlice, begin, {value, first, second}) : nullptr;
  }

  // A type ends where its brackets are balanced: decimal(10, 2), array<map<number>>, double precision.
  AstPtr CastTo(AstKind kind, size_t begin, const AstPtr& value) {
    size_t type_begin = Peek().begin;
    if (Peek().kind != TokenKind::kName) return Unexpected("a type");
    std::string name = Next().text;
    if (IsWord("precision")) name += " " + Next().text;
    int depth = 0;
    while (IsSymbol("<") || (IsSymbol("(") && depth == 0) || depth > 0) {
      if (Peek().kind == TokenKind::kEnd) return Unexpected("the end of the type");
      if (IsSymbol("<") || IsSymbol("(")) ++depth;
      if (IsSymbol(">") || IsSymbol(")")) --depth;
      name += Next().text;
    }
    auto type = TypeOfCast(name);
    if (!type.ok()) {
      return Fail(
          type_begin, End(), "there is no type '" + name + "'",
          "types are integer, number, boolean, string, bytes, timestamp, date, decimal(p, s), array<…>, map<…>");
    }
    AstPtr made = Make(kind, begin, {value});
    if (made != nullptr) std::const_pointer_cast<Ast>(made)->type = *type;
    return made;
  }

  AstPtr Primary() {
    const Token& token = Peek();
    size_t begin = token.begin;
    switch (token.kind) {
      case TokenKind::kInteger:
        if (token.integer > static_cast<uint64_t>(INT64_MAX)) {
          return Fail(token.begin, token.end, "the integer " + token.text + " has more than 64 bits");
        }
        Next();
        return Scalar(begin, arrow::MakeScalar(static_cast<int64_t>(token.integer)));
      case TokenKind::kNumber:
        Next();
        return Scalar(begin, arrow::MakeScalar(token.number));
      case TokenKind::kString:
        Next();
        return Scalar(begin, std::make_shared<arrow::StringScalar>(token.text));
      case TokenKind::kQuotedName:
        Next();
        return Make(AstKind::kName, begin, {}, token.text);
      case TokenKind::kName:
        return Word();
      default:
        return Bracket();
    }
  }

  AstPtr Bracket() {
    size_t begin = Peek().begin;
    if (TakeSymbol("(")) {
      AstPtr inner = Ternary();
      if (inner == nullptr) return nullptr;
      return Expect(")") ? inner : nullptr;
    }
    std::vector<AstPtr> args;
    if (TakeSymbol("[")) return Items("]", &args) ? Make(AstKind::kList, begin, std::move(args)) : nullptr;
    if (TakeSymbol("{")) {
      while (!TakeSymbol("}")) {
        args.push_back(Ternary());
        if (args.back() == nullptr || !Expect(":")) return nullptr;
        args.push_back(Ternary());
        if (args.back() == nullptr) return nullptr;
        if (!IsSymbol("}") && !Expect(",")) return nullptr;
      }
      return Make(AstKind::kMap, begin, std::move(args));
    }
    return Unexpected("a value");
  }

  bool IsReserved(const Token& token) const {
    for (const char* word : {"and", "or", "not", "in", "is", "like", "ilike", "between", "else", "case"}) {
      if (token.lower == word) return true;
    }
    if (cases_ == 0) return false;
    return token.lower == "when" || token.lower == "then" || token.lower == "end";
  }

  // A name, a call, or one of the words that begin something: null, true, case, cast, timestamp '…' …
  AstPtr Word() {
    const Token& token = Peek();
    size_t begin = token.begin;
    bool call = IsSymbol("(", 1);
    if (token.lower == "case" && !call) return Case();
    if (IsReserved(token) || (token.lower == "if" && !call)) {
      if (token.lower == "not") {  // a + not b
        return Fail(token.begin, token.end, "'not' stands before a condition", "put it in parentheses: (not x)");
      }
      return Unexpected("a value; a field of that name stands in backticks");
    }
    Next();
    if (call) return CallOf(token);
    if (token.lower == "null" || token.text == "None") return Scalar(begin, std::make_shared<arrow::NullScalar>());
    if (token.lower == "true" || token.lower == "false") return Scalar(begin, arrow::MakeScalar(token.lower == "true"));
    if (token.lower == "interval") {
      if (Peek().kind == TokenKind::kString || Peek().kind == TokenKind::kInteger) return IntervalLiteral(begin);
    } else if (Peek().kind == TokenKind::kString && (token.lower == "timestamp" || token.lower == "date")) {
      const Token& text = Next();
      auto value = ParseTimeLiteral(text.text, token.lower == "date");
      if (!value.ok())
        return Fail(text.begin, text.end, value.status().message(), "write it as 2024-05-17 or 2024-05-17T10:30:00Z");
      return Scalar(begin, *value);
    }
    return Make(AstKind::kName, begin, {}, token.text);
  }

  // interval '1 hour', interval '90' minute, interval 5 days
  AstPtr IntervalLiteral(size_t begin) {
    std::string text = Next().text;
    if (Peek().kind == TokenKind::kName && IsTimeUnit(Peek().lower)) text += " " + Next().lower;
    auto ast = std::make_shared<Ast>();
    ast->kind = AstKind::kInterval;
    ast->begin = begin;
    ast->end = End();
    Status status = ParseInterval(text, &ast->months, &ast->micros);
    if (!status.ok()) return Fail(begin, End(), status.message(), "write it as interval '90 minutes'");
    return ast;
  }

  AstPtr CallOf(const Token& name) {
    Next();  // (
    if (name.lower == "cast" || name.lower == "try_cast") {
      AstPtr value = Ternary();
      if (value == nullptr) return nullptr;
      if (!TakeWord("as")) return Unexpected("'as' and a type");
      AstPtr cast = CastTo(name.lower == "cast" ? AstKind::kCast : AstKind::kTryCast, name.begin, value);
      if (cast == nullptr || !Expect(")")) return nullptr;
      std::const_pointer_cast<Ast>(cast)->end = End();
      return cast;
    }
    std::vector<AstPtr> args;
    if (name.lower == "extract" && Peek().kind == TokenKind::kName && IsWord("from", 1)) {
      size_t begin = Peek().begin;
      std::string unit = Next().lower;
      args.push_back(Scalar(begin, std::make_shared<arrow::StringScalar>(unit)));
      Next();  // from
      args.push_back(Ternary());
      if (args.back() == nullptr || !Expect(")")) return nullptr;
      return Call(name.begin, "date_part", std::move(args));
    }
    if (!Items(")", &args)) return nullptr;
    if (name.lower == "if") {
      if (args.size() == 2) args.push_back(nullptr);
      if (args.size() != 3) return Fail(name.begin, End(), "if() takes a condition, a value and another value");
      return Make(AstKind::kCase, name.begin, std::move(args));
    }
    return Call(name.begin, name.lower, std::move(args));
  }

  // case when c then v … [else v] end; case x when a then v … compares x with each.
  AstPtr Case() {
    size_t begin = Next().begin;
    ++cases_;
    AstPtr subject;
    std::vector<AstPtr> args;
    if (!IsWord("when") && (subject = Ternary()) == nullptr) return nullptr;
    while (TakeWord("when")) {
      size_t when_begin = Peek().begin;
      AstPtr when = Ternary();
      if (when == nullptr) return nullptr;
      args.push_back(subject ? Call(when_begin, "=", {subject, when}) : when);
      if (!TakeWord("then")) return Unexpected("'then'");
      args.push_back(Ternary());
      if (args.back() == nullptr) return nullptr;
    }
    if (args.empty()) return Unexpected("'when'");
    args.push_back(nullptr);
    if (TakeWord("else") && (args.back() = Ternary()) == nullptr) return nullptr;
    if (!TakeWord("end")) return Unexpected("'end' of case");
    --cases_;
    return Make(AstKind::kCase, begin, std::move(args));
  }

  std::vector<Token> tokens_;
  std::vector<ExprError>* errors_;
  size_t at_ = 0;
  int nesting_ = 0;
  int cases_ = 0;
};

}  // namespace

AstPtr ParseExpression(std::string_view text, ExprLanguage language, std::vector<ExprError>* errors) {
  if (text.size() > ExprLimits::kMaxTextBytes) {
    errors->push_back({0, text.size(), "the expression is longer than 64 KiB", ""});
    return nullptr;
  }
  std::vector<Token> tokens;
  if (!Tokenize(text, language, &tokens, errors)) return nullptr;
  if (tokens.size() == 1) {
    errors->push_back({0, text.size(), "the expression is empty", ""});
    return nullptr;
  }
  return Parser(std::move(tokens), errors).Run();
}

}  // namespace weir::expr
