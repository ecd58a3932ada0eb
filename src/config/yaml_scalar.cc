// Escapes, folding and indentation of YAML scalars, with the file offset of every byte of the result.
//
// libfyaml 0.7.12 decodes two rare forms wrongly without a word (an escaped backslash before an escaped line break; a
// folded scalar with blank lines before a more-indented line), and it does not say where a decoded byte came from. This
// does both.
#include "config/yaml_scalar.h"

#include <algorithm>

#include "base/utf8.h"

namespace weir {
namespace {

bool IsBreak(char c) { return c == '\n' || c == '\r'; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

class Decoder {
 public:
  Decoder(std::string_view file, size_t begin, size_t end) : file_(file), pos_(begin), end_(end) {}

  void DecodeFlow(ScalarStyle style);
  void DecodeBlock(bool folded, std::string_view parsed);
  DecodedScalar Take(size_t begin);

 private:
  struct Line {
    size_t begin, end;  // without the line break
    size_t spaces;      // leading ones
    size_t line_break;  // offset of the break, or of the end of the scalar
  };

  void Put(char c, size_t at) {
    text_.push_back(c);
    offsets_.push_back(static_cast<uint32_t>(at));
  }
  void PutCodePoint(uint32_t code_point, size_t at) {
    AppendUtf8(code_point, &text_);
    offsets_.resize(text_.size(), static_cast<uint32_t>(at));
  }
  void PutBreaks(size_t count, size_t at) {
    for (; count > 0; --count) Put('\n', at);
  }
  void SkipBreak() { pos_ += file_[pos_] == '\r' && pos_ + 1 < end_ && file_[pos_ + 1] == '\n' ? 2 : 1; }
  void SkipBlanks() {
    while (pos_ < end_ && IsBlank(file_[pos_])) ++pos_;
  }
  /// Skips line breaks and the blanks around them, from a break on; returns the number of breaks.
  size_t SkipLines();
  void DecodeEscape();
  uint32_t Hex(size_t at, size_t digits) const;
  std::vector<Line> SplitLines();
  void PutLine(const Line& line, size_t indent) {
    for (size_t i = line.begin + indent; i < line.end; ++i) Put(file_[i], i);
  }

  std::string_view file_;
  size_t pos_, end_;
  std::string text_;
  std::vector<uint32_t> offsets_;
};

size_t Decoder::SkipLines() {
  size_t breaks = 0;
  while (pos_ < end_ && IsBreak(file_[pos_])) {
    SkipBreak();
    ++breaks;
    SkipBlanks();
  }
  return breaks;
}

uint32_t Decoder::Hex(size_t at, size_t digits) const {
  uint32_t value = 0;
  for (size_t i = at; i < at + digits && i < end_; ++i) {
    const char c = file_[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 0;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  return value;
}

void Decoder::DecodeEscape() {
  const size_t at = pos_;
  if (at + 1 >= end_) {
    Put(file_[pos_++], at);
    return;
  }
  const char c = file_[at + 1];
  if (IsBreak(c)) {  // a line that goes on: the break vanishes, blank lines behind it stay
    ++pos_;
    const size_t breaks = SkipLines();
    PutBreaks(breaks - 1, at);
    return;
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  pos_ += 2 + digits;
  if (digits > 0) {
    uint32_t code_point = Hex(at + 2, digits);
    // JSON writes what is beyond the basic plane as two escapes.
    if (digits == 4 && code_point >= 0xD800 && code_point < 0xDC00 && pos_ + 5 < end_ && file_[pos_] == '\\' &&
        file_[pos_ + 1] == 'u') {
      const uint32_t low = Hex(pos_ + 2, 4);
      if (low >= 0xDC00 && low < 0xE000) {
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
        pos_ += 6;
      }
    }
    const bool invalid = (code_point >= 0xD800 && code_point < 0xE000) || code_point > 0x10FFFF;
    PutCodePoint(invalid ? 0xFFFD : code_point, at);
    return;
  }
  static constexpr std::string_view kFrom = "0abtnvfre \"/\\\t", kTo("\0\a\b\t\n\v\f\r\x1b \"/\\\t", 14);
  const size_t index = kFrom.find(c);
  if (index != std::string_view::npos) return Put(kTo[index], at);
  PutCodePoint(c == 'N' ? 0x85 : c == '_' ? 0xA0 : c == 'L' ? 0x2028 : c == 'P' ? 0x2029 : static_cast<uint8_t>(c), at);
}

void Decoder::DecodeFlow(ScalarStyle style) {
  while (pos_ < end_) {
    const char c = file_[pos_];
    if (IsBlank(c) || IsBreak(c)) {
      const size_t at = pos_;
      SkipBlanks();
      if (pos_ < end_ && IsBreak(file_[pos_])) {
        const size_t breaks = SkipLines();
        if (breaks == 1) Put(' ', at);
        PutBreaks(breaks - 1, at);
      } else {
        for (size_t i = at; i < pos_; ++i) Put(file_[i], i);
      }
    } else if (c == '\\' && style == ScalarStyle::kDoubleQuoted) {
      DecodeEscape();
    } else if (c == '\'' && style == ScalarStyle::kSingleQuoted) {
      Put(c, pos_);
      pos_ += 2;
    } else {
      Put(c, pos_++);
    }
  }
}

std::vector<Decoder::Line> Decoder::SplitLines() {
  std::vector<Line> lines;
  while (pos_ < end_) {
    Line line{pos_, pos_, 0, 0};
    while (pos_ < end_ && !IsBreak(file_[pos_])) ++pos_;
    line.end = line.line_break = pos_;
    while (line.begin + line.spaces < line.end && file_[line.begin + line.spaces] == ' ') ++line.spaces;
    if (pos_ < end_) SkipBreak();
    lines.push_back(line);
  }
  return lines;
}

void Decoder::DecodeBlock(bool folded, std::string_view parsed) {
  const std::vector<Line> lines = SplitLines();
  size_t indent = std::string_view::npos;
  for (const Line& line : lines) {
    if (line.begin + line.spaces == line.end) continue;
    // The first line with text tells the indentation: its spaces less those that are part of the value.
    const size_t text = parsed.find_first_not_of("\r\n");
    const size_t inner = text == std::string_view::npos ? 0 : parsed.find_first_not_of(' ', text) - text;
    indent = line.spaces - std::min(line.spaces, inner);
    break;
  }
  size_t blank = 0, blank_at = 0;
  const Line* before = nullptr;
  const auto more_indented = [&](const Line& line) { return IsBlank(file_[line.begin + indent]); };
  for (const Line& line : lines) {
    if (line.begin + line.spaces == line.end && line.spaces <= indent) {
      if (blank++ == 0) blank_at = line.begin;
      continue;
    }
    if (before == nullptr) {
      PutBreaks(blank, blank_at);
    } else if (folded && !more_indented(*before) && !more_indented(line)) {
      if (blank == 0) Put(' ', before->line_break);
      PutBreaks(blank, blank_at);
    } else {
      Put('\n', before->line_break);
      PutBreaks(blank, blank_at);
    }
    PutLine(line, indent);
    before = &line;
    blank = 0;
  }
  while (!text_.empty() && text_.back() == '\n') {
    text_.pop_back();
    offsets_.pop_back();
  }
  // At the end of a file without a last line break there is none in the value either, as in Beam's loader.
  const Line* last_line = lines.empty() ? nullptr : &lines.back();
  if (before == last_line && last_line != nullptr && last_line->line_break == file_.size()) return;
  const size_t last = parsed.find_last_not_of('\n');
  PutBreaks(parsed.size() - (last == std::string_view::npos ? 0 : last + 1), before ? before->line_break : end_);
}

DecodedScalar Decoder::Take(size_t begin) {
  DecodedScalar result{std::move(text_), std::move(offsets_), begin};
  bool contiguous = true;
  for (size_t i = 0; i < result.offsets.size() && contiguous; ++i)
    contiguous = result.offsets[i] == result.offsets[0] + i;
  if (contiguous) {
    if (!result.offsets.empty()) result.begin = result.offsets[0];
    result.offsets.clear();
    result.offsets.shrink_to_fit();
  }
  return result;
}

}  // namespace

DecodedScalar DecodeScalar(std::string_view file, size_t begin, size_t end, ScalarStyle style,
                           std::string_view parsed) {
  // Nearly every scalar: one line, no escapes.
  if (style != ScalarStyle::kLiteral && style != ScalarStyle::kFolded && file.substr(begin, end - begin) == parsed &&
      parsed.find_first_of("\r\n\\") == std::string_view::npos) {
    return {std::string(parsed), {}, begin};
  }
  Decoder decoder(file, begin, end);
  if (style == ScalarStyle::kLiteral || style == ScalarStyle::kFolded) {
    decoder.DecodeBlock(style == ScalarStyle::kFolded, parsed);
  } else {
    decoder.DecodeFlow(style);
  }
  return decoder.Take(begin);
}

}  // namespace weir
