// Lexer: the text of an expression as tokens with byte ranges. Generic and sql differ in quotes and escapes only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expr/expr.h"

namespace weir::expr {

enum class TokenKind { kEnd, kName, kQuotedName, kInteger, kNumber, kString, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;
  size_t end = 0;
  std::string text;   // of a string or quoted name: without quotes, escapes resolved
  std::string lower;  // of a name: lower case, to compare with keywords
  uint64_t integer = 0;
  double number = 0;
};

/// Tokens, the last of kind kEnd. False after appending the first mistake to `errors`.
bool Tokenize(std::string_view text, ExprLanguage language, std::vector<Token>* tokens, std::vector<ExprError>* errors);

}  // namespace weir::expr
