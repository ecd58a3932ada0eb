// Lexer: see lexer.h.
#include "expr/parse/lexer.h"

#include <array>
#include <charconv>
#include <cstring>

#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

bool IsNameStart(unsigned char c) { return std::isalpha(c) || c == '_' || c >= 0x80; }
bool IsNamePart(unsigned char c) { return std::isalnum(c) || c == '_' || c == '$' || c >= 0x80; }

// Longest first.
constexpr std::array<std::string_view, 31> kSymbols = {"<=", ">=", "<>", "!=", "==", "||", "&&", "//", "**", "::", "->",
                                                       "(",  ")",  "[",  "]",  "{",  "}",  ",",  ".",  ":",  "+",  "-",
                                                       "*",  "/",  "%",  "<",  ">",  "=",  "!",  "&",  "|"};

class Lexer {
 public:
  Lexer(std::string_view text, ExprLanguage language, std::vector<Token>* tokens, std::vector<ExprError>* errors)
      : text_(text), sql_(language == ExprLanguage::kSql), tokens_(tokens), errors_(errors) {}

  bool Run() {
    for (;;) {
      if (!SkipSpace()) return false;
      if (at_ == text_.size()) break;
      unsigned char c = text_[at_];
      bool ok;
      if (IsNameStart(c)) {
        ok = Name();
      } else if (std::isdigit(c) || (c == '.' && at_ + 1 < text_.size() && std::isdigit(Byte(at_ + 1)))) {
        ok = Number();
      } else if (c == '\'' || (c == '"' && !sql_)) {
        ok = Quoted(TokenKind::kString, static_cast<char>(c));
      } else if (c == '`' || c == '"') {
        ok = Quoted(TokenKind::kQuotedName, static_cast<char>(c));
      } else {
        ok = Symbol();
      }
      if (!ok) return false;
    }
    Add(TokenKind::kEnd, at_, at_);
    return true;
  }

 private:
  unsigned char Byte(size_t i) const { return static_cast<unsigned char>(text_[i]); }

  bool Fail(size_t begin, size_t end, std::string message, std::string hint = "") {
    errors_->push_back({begin, end, std::move(message), std::move(hint)});
    return false;
  }

  Token& Add(TokenKind kind, size_t begin, size_t end) {
    Token& token = tokens_->emplace_back();
    token.kind = kind;
    token.begin = begin;
    token.end = end;
    return token;
  }

  // Spaces and `-- …` comments of sql (`--x` in generic stays minus minus x).
  bool SkipSpace() {
    for (;;) {
      while (at_ < text_.size() && std::isspace(Byte(at_))) ++at_;
      if (!sql_ || text_.substr(at_, 2) != "--") return true;
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    }
  }

  bool Name() {
    size_t begin = at_;
    while (at_ < text_.size() && IsNamePart(Byte(at_))) ++at_;
    Token& token = Add(TokenKind::kName, begin, at_);
    token.text = text_.substr(begin, at_ - begin);
    if (!IsValidUtf8(token.text)) return Fail(begin, at_, "the text is not valid UTF-8");
    token.lower = token.text;
    for (char& c : token.lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return true;
  }

  bool Number() {
    size_t begin = at_;
    std::string digits;
    bool hex = text_[at_] == '0' && at_ + 1 < text_.size() && (text_[at_ + 1] | 32) == 'x';
    if (hex) at_ += 2;
    bool real = false;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (hex ? std::isxdigit(Byte(at_)) != 0 : std::isdigit(Byte(at_)) != 0) {
        digits += c;
      } else if (c == '_' && !digits.empty() && at_ + 1 < text_.size() && std::isalnum(Byte(at_ + 1))) {
        // a digit separator
      } else if (!hex && c == '.' && !real && digits.find('e') == std::string::npos && !NextIsName(at_ + 1)) {
        real = true;
        digits += c;
      } else if (!hex && (c | 32) == 'e' && ExponentFollows()) {
        real = true;
        digits += 'e';
        if (text_[at_ + 1] == '+' || text_[at_ + 1] == '-') digits += text_[++at_];
      } else {
        break;
      }
      ++at_;
    }
    if (digits.empty() || (at_ < text_.size() && IsNameStart(Byte(at_)))) {
      while (at_ < text_.size() && IsNamePart(Byte(at_))) ++at_;
      return Fail(begin, at_, "'" + std::string(text_.substr(begin, at_ - begin)) + "' is not a number",
                  "a name that starts with a digit stands in backticks");
    }
    Token& token = Add(real ? TokenKind::kNumber : TokenKind::kInteger, begin, at_);
    token.text = text_.substr(begin, at_ - begin);
    const char* first = digits.data();
    const char* last = first + digits.size();
    if (real) {
      auto parsed = std::from_chars(first, last, token.number);
      if (parsed.ec != std::errc() || parsed.ptr != last)
        return Fail(begin, at_, "'" + token.text + "' is not a number");
      return true;
    }
    auto parsed = std::from_chars(first, last, token.integer, hex ? 16 : 10);
    if (parsed.ec != std::errc() || parsed.ptr != last) {
      return Fail(begin, at_, "the integer " + token.text + " has more than 64 bits",
                  "write it as a number, " + token.text + ".0, or as cast('" + token.text + "' as decimal(38, 0))");
    }
    return true;
  }

  bool NextIsName(size_t i) const { return i < text_.size() && IsNameStart(Byte(i)) && (text_[i] | 32) != 'e'; }

  bool ExponentFollows() const {
    size_t i = at_ + 1;
    if (i < text_.size() && (text_[i] == '+' || text_[i] == '-')) ++i;
    return i < text_.size() && std::isdigit(Byte(i));
  }

  bool Quoted(TokenKind kind, char quote) {
    size_t begin = at_++;
    std::string value;
    bool escapes = kind == TokenKind::kString && !sql_;
    for (;;) {
      if (at_ == text_.size()) {
        return Fail(begin, at_,
                    std::string(kind == TokenKind::kString ? "a string" : "a name") + " has no closing " + quote);
      }
      char c = text_[at_];
      if (c == quote) {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {  // a doubled quote is one quote
          value += quote;
          at_ += 2;
          continue;
        }
        ++at_;
        break;
      }
      if (c == '\\' && escapes && at_ + 1 < text_.size()) {
        if (!Escape(&value)) return false;
        continue;
      }
      value += c;
      ++at_;
    }
    if (!IsValidUtf8(value)) return Fail(begin, at_, "the text is not valid UTF-8");
    if (kind == TokenKind::kQuotedName && value.empty()) return Fail(begin, at_, "an empty name");
    Token& token = Add(kind, begin, at_);
    token.text = std::move(value);
    return true;
  }

  // Escapes that Python and JSON share. Any other backslash stands for itself, so that '\d+' is a regular expression.
  bool Escape(std::string* value) {
    char c = text_[at_ + 1];
    static constexpr std::string_view kPlain = "\\'\"nrt";
    static constexpr std::string_view kMeans = "\\'\"\n\r\t";
    if (size_t i = kPlain.find(c); i != std::string_view::npos) {
      *value += kMeans[i];
      at_ += 2;
      return true;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      *value += '\\';
      ++at_;
      return true;
    }
    uint32_t code = 0;
    std::string_view hex = text_.substr(at_ + 2, digits);
    auto parsed = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    bool whole = parsed.ec == std::errc() && parsed.ptr == hex.data() + digits;
    if (!whole || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      return Fail(
          at_, at_ + 2 + hex.size(),
          "'\\" + std::string(1, c) + "' needs " + std::to_string(digits) + " hexadecimal digits of a code point");
    }
    AppendUtf8(code, value);
    at_ += 2 + digits;
    return true;
  }

  bool Symbol() {
    for (std::string_view symbol : kSymbols) {
      if (text_.substr(at_, symbol.size()) == symbol) {
        Add(TokenKind::kSymbol, at_, at_ + symbol.size()).text = symbol;
        at_ += symbol.size();
        return true;
      }
    }
    std::string seen(1, text_[at_]);
    std::string hint = text_[at_] == '^' ? "write power(x, y)" : text_[at_] == '?' ? "write if(condition, a, b)" : "";
    return Fail(at_, at_ + 1, "unexpected character '" + seen + "'", hint);
  }

  std::string_view text_;
  bool sql_;
  size_t at_ = 0;
  std::vector<Token>* tokens_;
  std::vector<ExprError>* errors_;
};

}  // namespace

bool Tokenize(std::string_view text, ExprLanguage language, std::vector<Token>* tokens,
              std::vector<ExprError>* errors) {
  return Lexer(text, language, tokens, errors).Run();
}

}  // namespace weir::expr
