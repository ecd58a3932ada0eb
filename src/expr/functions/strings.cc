// String functions that look at, trim, pad and change the case of a whole string. Positions and lengths are code
// points.
#include <clocale>
#include <cwctype>

#include "expr/functions/kernels.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

constexpr size_t kMaxStringBytes = size_t{64} << 20;  // what one value may grow to

int64_t Length(Frame&, int, StringRef s) { return CountCodePoints(s.view()); }
int64_t ByteLength(Frame&, int, StringRef s) { return static_cast<int64_t>(s.size); }

// Unicode's simple case mapping, from the C library's UTF-8 locale; without one (never on glibc), ASCII only.
locale_t Utf8Locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

uint32_t MapCase(uint32_t c, bool upper) {
  if (c < 0x80) return upper ? (c >= 'a' && c <= 'z' ? c - 32 : c) : (c >= 'A' && c <= 'Z' ? c + 32 : c);
  locale_t locale = Utf8Locale();
  if (locale == nullptr) return c;
  return upper ? towupper_l(static_cast<wint_t>(c), locale) : towlower_l(static_cast<wint_t>(c), locale);
}

bool IsLetterOrDigit(uint32_t c) {
  if (c < 0x80) return std::isalnum(static_cast<int>(c)) != 0;
  locale_t locale = Utf8Locale();
  return locale != nullptr && iswalnum_l(static_cast<wint_t>(c), locale);
}

StringRef ChangeCase(Frame& f, StringRef s, bool upper) {
  if (IsAscii(s.view())) {
    char* out = f.scratch->arena().Allocate(s.size);
    const char first = upper ? 'a' : 'A';
    for (size_t i = 0; i < s.size; ++i)
      out[i] = static_cast<char>(s.data[i] ^ (static_cast<unsigned char>(s.data[i] - first) < 26 ? 0x20 : 0));
    return {out, s.size};
  }
  char* out = f.scratch->arena().Allocate(s.size * 2);  // a mapped code point has at most twice the bytes
  size_t n = 0;
  for (size_t i = 0; i < s.size; i += CodePointBytes(s.data[i]))
    n += EncodeCodePoint(MapCase(DecodeCodePoint(s.view(), i), upper), out + n);
  f.scratch->arena().Return(s.size * 2 - n);
  return {out, n};
}

StringRef Upper(Frame& f, int, StringRef s) { return ChangeCase(f, s, true); }
StringRef Lower(Frame& f, int, StringRef s) { return ChangeCase(f, s, false); }

StringRef InitCap(Frame& f, int, StringRef s) {
  char* out = f.scratch->arena().Allocate(s.size * 2);
  size_t n = 0;
  bool inside = false;
  for (size_t i = 0; i < s.size; i += CodePointBytes(s.data[i])) {
    uint32_t c = DecodeCodePoint(s.view(), i);
    n += EncodeCodePoint(MapCase(c, !inside), out + n);
    inside = IsLetterOrDigit(c);
  }
  f.scratch->arena().Return(s.size * 2 - n);
  return {out, n};
}

// Whether the code point at byte `i` of `s` is one of `set`.
bool In(std::string_view s, size_t i, std::string_view set) {
  std::string_view c = s.substr(i, CodePointBytes(s[i]));
  return set.find(c) != std::string_view::npos;
}

StringRef TrimSet(StringRef s, std::string_view set, bool left, bool right) {
  std::string_view v = s.view();
  while (left && !v.empty() && In(v, 0, set)) v.remove_prefix(std::min<size_t>(CodePointBytes(v[0]), v.size()));
  while (right && !v.empty()) {
    size_t last = v.size() - 1;
    while (last > 0 && IsContinuation(v[last])) --last;
    if (!In(v, last, set)) break;
    v = v.substr(0, last);
  }
  return StringRef::Of(v);
}

constexpr std::string_view kBlanks = " \t\n\r\f\v";

StringRef Trim(Frame&, int, StringRef s) { return TrimSet(s, kBlanks, true, true); }
StringRef LeftTrim(Frame&, int, StringRef s) { return TrimSet(s, kBlanks, true, false); }
StringRef RightTrim(Frame&, int, StringRef s) { return TrimSet(s, kBlanks, false, true); }
StringRef TrimOf(Frame&, int, StringRef s, StringRef set) { return TrimSet(s, set.view(), true, true); }
StringRef LeftTrimOf(Frame&, int, StringRef s, StringRef set) { return TrimSet(s, set.view(), true, false); }
StringRef RightTrimOf(Frame&, int, StringRef s, StringRef set) { return TrimSet(s, set.view(), false, true); }

StringRef Reverse(Frame& f, int, StringRef s) {
  char* out = f.scratch->arena().Allocate(s.size);
  size_t at = s.size;
  for (size_t i = 0; i < s.size;) {
    size_t n = std::min<size_t>(CodePointBytes(s.data[i]), s.size - i);
    at -= n;
    std::memcpy(out + at, s.data + i, n);
    i += n;
  }
  return {out, s.size};
}

StringRef Repeat(Frame& f, int i, StringRef s, int64_t n) {
  if (n <= 0 || s.size == 0) return {"", 0};
  if (static_cast<size_t>(n) > kMaxStringBytes / s.size) {
    f.Fail(i, "repeat() would make more than 64 MiB: " + std::to_string(s.size) + " bytes, " + std::to_string(n) +
                  " times");
    return {"", 0};
  }
  char* out = f.scratch->arena().Allocate(s.size * n);
  for (int64_t k = 0; k < n; ++k) std::memcpy(out + k * s.size, s.data, s.size);
  return {out, s.size * n};
}

// To `length` code points: cut at the end, or filled up with `fill` before (left) or behind.
StringRef Pad(Frame& f, int row, StringRef s, int64_t length, StringRef fill, bool left) {
  int64_t have = CountCodePoints(s.view());
  if (length <= have) return {s.data, OffsetOfCodePoint(s.view(), std::max<int64_t>(length, 0))};
  if (fill.size == 0) return s;
  if (length > static_cast<int64_t>(kMaxStringBytes / 4)) {
    f.Fail(row, "a string cannot be padded to " + std::to_string(length) + " characters");
    return {"", 0};
  }
  std::string padding;
  int64_t missing = length - have;
  int64_t per_fill = CountCodePoints(fill.view());
  for (; missing >= per_fill; missing -= per_fill) padding.append(fill.view());
  padding.append(fill.view().substr(0, OffsetOfCodePoint(fill.view(), missing)));
  char* out = f.scratch->arena().Allocate(s.size + padding.size());
  std::memcpy(out, left ? padding.data() : s.data, left ? padding.size() : s.size);
  std::memcpy(out + (left ? padding.size() : s.size), left ? s.data : padding.data(), left ? s.size : padding.size());
  return {out, s.size + padding.size()};
}

StringRef LeftPad(Frame& f, int i, StringRef s, int64_t n, StringRef fill) { return Pad(f, i, s, n, fill, true); }
StringRef RightPad(Frame& f, int i, StringRef s, int64_t n, StringRef fill) { return Pad(f, i, s, n, fill, false); }
StringRef LeftPadBlank(Frame& f, int i, StringRef s, int64_t n) { return Pad(f, i, s, n, {" ", 1}, true); }
StringRef RightPadBlank(Frame& f, int i, StringRef s, int64_t n) { return Pad(f, i, s, n, {" ", 1}, false); }

int64_t Ascii(Frame&, int, StringRef s) { return s.size == 0 ? 0 : DecodeCodePoint(s.view(), 0); }

StringRef Chr(Frame& f, int i, int64_t c) {
  if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
    f.Fail(i, "chr(" + std::to_string(c) + ") is no character");
    return {"", 0};
  }
  char* out = f.scratch->arena().Allocate(4);
  return {out, static_cast<size_t>(EncodeCodePoint(static_cast<uint32_t>(c), out))};
}

}  // namespace

void AddStrings(FunctionList* list) {
  auto add = [&](const char* name, const char* doc, const char* example, const char* result,
                 std::vector<Overload> overloads) {
    list->push_back({name, "string", doc, example, result, std::move(overloads)});
  };
  add("length", "Number of characters.", "length('Zürich')", "6",
      {{"(string) -> integer", Row<Length>}, {"(bytes) -> integer", Row<ByteLength>}});
  add("byte_length", "Number of bytes.", "byte_length('Zürich')", "7",
      {{"(string) -> integer", Row<ByteLength>}, {"(bytes) -> integer", Row<ByteLength>}});
  add("upper", "Upper case.", "upper('straße 5')", "'STRAßE 5'", {{"(string) -> string", Row<Upper>}});
  add("lower", "Lower case.", "lower('ÄRGER')", "'ärger'", {{"(string) -> string", Row<Lower>}});
  add("initcap", "Each word's first letter in upper case, the others in lower case.", "initcap('hello wORLD')",
      "'Hello World'", {{"(string) -> string", Row<InitCap>}});
  add("trim", "Without blanks, or the characters given, at both ends.", "trim('  a b ')", "'a b'",
      {{"(string) -> string", Row<Trim>}, {"(string, string) -> string", Row<TrimOf>}});
  add("ltrim", "Without blanks, or the characters given, at the start.", "ltrim('xxaxx', 'x')", "'axx'",
      {{"(string) -> string", Row<LeftTrim>}, {"(string, string) -> string", Row<LeftTrimOf>}});
  add("rtrim", "Without blanks, or the characters given, at the end.", "rtrim('xxaxx', 'x')", "'xxa'",
      {{"(string) -> string", Row<RightTrim>}, {"(string, string) -> string", Row<RightTrimOf>}});
  add("reverse", "The characters from last to first.", "reverse('abc')", "'cba'",
      {{"(string) -> string", Row<Reverse>}});
  add("repeat", "The string n times.", "repeat('ab', 3)", "'ababab'",
      {{"(string, integer) -> string", Row<Repeat>, kCanFail}});
  add("lpad", "Filled at the start to n characters, with blanks or the string given; longer strings are cut.",
      "lpad('7', 3, '0')", "'007'",
      {{"(string, integer) -> string", Row<LeftPadBlank>, kCanFail},
       {"(string, integer, string) -> string", Row<LeftPad>, kCanFail}});
  add("rpad", "Filled at the end to n characters, with blanks or the string given; longer strings are cut.",
      "rpad('7', 3, '.')", "'7..'",
      {{"(string, integer) -> string", Row<RightPadBlank>, kCanFail},
       {"(string, integer, string) -> string", Row<RightPad>, kCanFail}});
  add("ascii", "Code point of the first character, 0 of an empty string.", "ascii('A')", "65",
      {{"(string) -> integer", Row<Ascii>}});
  add("chr", "The character with a code point.", "chr(8364)", "'€'", {{"(integer) -> string", Row<Chr>, kCanFail}});
}

}  // namespace weir::expr
