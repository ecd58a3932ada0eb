// String functions that cut, find, replace and join.
#include <arrow/type.h>

#include <algorithm>

#include "expr/functions/kernels.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

constexpr int64_t kToTheEnd = INT64_MAX;

// Code points [begin, end) of s, both held to the string.
StringRef CodePoints(StringRef s, int64_t begin, int64_t end) {
  begin = std::max<int64_t>(begin, 0);
  if (end <= begin) return {"", 0};
  std::string_view v = s.view();
  if (IsAscii(v)) {
    auto n = static_cast<int64_t>(v.size());
    return StringRef::Of(v.substr(std::min(begin, n), std::min(end, n) - std::min(begin, n)));
  }
  v.remove_prefix(OffsetOfCodePoint(v, begin));
  return end == kToTheEnd ? StringRef::Of(v) : StringRef::Of(v.substr(0, OffsetOfCodePoint(v, end - begin)));
}

// SQL's substr: the first character is 1, negative starts count from the end.
StringRef SubstrOf(StringRef s, int64_t start, int64_t length) {
  if (length < 0) return {"", 0};
  int64_t begin = start > 0   ? start - 1
                  : start < 0 ? CountCodePoints(s.view()) + std::max<int64_t>(start, -INT32_MAX)
                              : -1;
  int64_t end = kToTheEnd;
  if (length != kToTheEnd && __builtin_add_overflow(begin, length, &end)) end = kToTheEnd;
  return CodePoints(s, begin, end);
}
StringRef Substr(Frame&, int, StringRef s, int64_t start, int64_t length) { return SubstrOf(s, start, length); }
StringRef SubstrFrom(Frame&, int, StringRef s, int64_t start) { return SubstrOf(s, start, kToTheEnd); }

StringRef Left(Frame&, int, StringRef s, int64_t n) {
  return CodePoints(s, 0, n >= 0 ? n : CountCodePoints(s.view()) + std::max<int64_t>(n, -INT32_MAX));
}
StringRef Right(Frame&, int, StringRef s, int64_t n) {
  int64_t begin = n >= 0           ? CountCodePoints(s.view()) - std::min<int64_t>(n, INT32_MAX)
                  : n == INT64_MIN ? kToTheEnd
                                   : -n;
  return CodePoints(s, begin, kToTheEnd);
}

// s[begin:end] with Python's meaning: from 0, negative from the end.
StringRef Slice(Frame&, int, StringRef s, int64_t begin, int64_t end) {
  int64_t length = begin < 0 || end < 0 ? CountCodePoints(s.view()) : 0;
  if (begin < 0) begin = std::max<int64_t>(length + std::max<int64_t>(begin, -INT32_MAX), 0);
  if (end < 0) end = std::max<int64_t>(length + std::max<int64_t>(end, -INT32_MAX), 0);
  return CodePoints(s, begin, end);
}

std::optional<StringRef> CharacterAt(Frame&, int, StringRef s, int64_t at) {
  if (at < 0) at = at < -INT32_MAX ? -1 : CountCodePoints(s.view()) + at;
  if (at < 0 || at == kToTheEnd) return std::nullopt;
  StringRef c = CodePoints(s, at, at + 1);
  if (c.size == 0) return std::nullopt;
  return c;
}

StringRef Replace(Frame& f, int, StringRef s, StringRef from, StringRef to) {
  if (from.size == 0) return s;
  std::string_view v = s.view();
  size_t at = v.find(from.view());
  if (at == std::string_view::npos) return s;
  size_t count = 0;
  for (size_t i = at; i != std::string_view::npos; i = v.find(from.view(), i + from.size)) ++count;
  size_t size = s.size + count * to.size - count * from.size;
  char* out = f.scratch->arena().Allocate(size);
  char* w = out;
  size_t done = 0;
  for (; at != std::string_view::npos; at = v.find(from.view(), done)) {
    w = std::copy(s.data + done, s.data + at, w);
    w = std::copy(to.data, to.data + to.size, w);
    done = at + from.size;
  }
  std::copy(s.data + done, s.data + s.size, w);
  return {out, size};
}

// Part `n` of s between separators, the first is 1, negative counts from the end; empty when there is none.
StringRef SplitPart(Frame&, int, StringRef s, StringRef separator, int64_t n) {
  std::string_view v = s.view(), sep = separator.view();
  if (sep.empty()) return n == 1 || n == -1 ? s : StringRef{"", 0};
  if (n < 0) {
    size_t end = v.size();
    for (; n < -1; ++n) {
      if (end < sep.size()) return {"", 0};
      size_t at = v.rfind(sep, end - sep.size());
      if (at == std::string_view::npos) return {"", 0};
      end = at;
    }
    size_t at = end < sep.size() ? std::string_view::npos : v.rfind(sep, end - sep.size());
    size_t begin = at == std::string_view::npos ? 0 : at + sep.size();
    return StringRef::Of(v.substr(begin, end - begin));
  }
  if (n == 0) return {"", 0};
  size_t begin = 0;
  for (; n > 1; --n) {
    size_t at = v.find(sep, begin);
    if (at == std::string_view::npos) return {"", 0};
    begin = at + sep.size();
  }
  size_t end = v.find(sep, begin);
  return StringRef::Of(v.substr(begin, end == std::string_view::npos ? end : end - begin));
}

uint8_t StartsWith(Frame&, int, StringRef s, StringRef part) { return s.view().starts_with(part.view()); }
uint8_t EndsWith(Frame&, int, StringRef s, StringRef part) { return s.view().ends_with(part.view()); }
uint8_t Contains(Frame&, int, StringRef s, StringRef part) {
  return part.size == 0 || (s.size >= part.size && memmem(s.data, s.size, part.data, part.size) != nullptr);
}
int64_t Position(Frame&, int, StringRef s, StringRef part) {
  size_t at = s.view().find(part.view());
  return at == std::string_view::npos ? 0 : CountCodePoints(s.view().substr(0, at)) + 1;
}

StringRef Join2(Frame& f, int, StringRef a, StringRef b) {
  char* out = f.scratch->arena().Allocate(a.size + b.size);
  std::copy(a.data, a.data + a.size, out);
  std::copy(b.data, b.data + b.size, out + a.size);
  return {out, a.size + b.size};
}

const StringRef& ArgAt(const Frame& f, int k, int i) { return f.args[k].data<StringRef>()[f.args[k].constant ? 0 : i]; }

// concat and concat_ws skip nulls; concat_ws is null only where the separator is.
void JoinArgs(Frame& f, bool separated) {
  auto* out = f.values<StringRef>();
  ForRows(f.rows, [&](int i) {
    if (separated && !f.args[0].IsValid(i)) {
      out[i] = {"", 0};
      f.SetNull(i);
      return;
    }
    std::string_view separator = separated ? ArgAt(f, 0, i).view() : std::string_view();
    size_t size = 0;
    for (int k = separated; k < f.num_args; ++k)
      size += f.args[k].IsValid(i) ? ArgAt(f, k, i).size + separator.size() : 0;
    char* to = f.scratch->arena().Allocate(size);
    char* w = to;
    bool first = true;
    for (int k = separated; k < f.num_args; ++k) {
      if (!f.args[k].IsValid(i)) continue;
      if (!first) w = std::copy(separator.begin(), separator.end(), w);
      first = false;
      const StringRef& s = ArgAt(f, k, i);
      w = std::copy(s.data, s.data + s.size, w);
    }
    out[i] = {to, static_cast<size_t>(w - to)};
  });
}
void Concat(Frame& f) { JoinArgs(f, false); }
void ConcatWs(Frame& f) { JoinArgs(f, true); }

// Arguments of any type are written as cast(… as string) writes them.
std::string AsStrings(CallBinding& call) {
  for (TypePtr& type : call.types) {
    if (type->id() == arrow::Type::BINARY) return "bytes are joined to nothing; convert them: cast(x as string)";
    type = arrow::utf8();
  }
  call.result = arrow::utf8();
  return "";
}

// Characters of `from` become those at the same place of `to`, or go.
StringRef Translate(Frame& f, int, StringRef s, StringRef from, StringRef to) {
  std::string out;
  for (size_t i = 0; i < s.size;) {
    size_t n = std::min<size_t>(CodePointBytes(s.data[i]), s.size - i);
    std::string_view c = s.view().substr(i, n);
    size_t at = from.view().find(c);
    if (at == std::string_view::npos) {
      out.append(c);
    } else {
      int64_t place = CountCodePoints(from.view().substr(0, at));
      out.append(CodePoints(to, place, place + 1).view());
    }
    i += n;
  }
  return f.Copy(out);
}

}  // namespace

void AddStringParts(FunctionList* list) {
  auto add = [&](const char* name, const char* doc, const char* example, const char* result,
                 std::vector<Overload> overloads) {
    list->push_back({name, "string", doc, example, result, std::move(overloads)});
  };
  for (const char* name : {"substr", "substring"}) {
    add(name, "Characters from a start (the first is 1, negative counts from the end), all or so many.",
        name[6] ? "substring('weir', 2, 2)" : "substr('weir', 2, 2)", "'ei'",
        {{"(string, integer) -> string", Row<SubstrFrom>}, {"(string, integer, integer) -> string", Row<Substr>}});
  }
  add("left", "The first n characters; negative n: all but the last.", "left('weir', 2)", "'we'",
      {{"(string, integer) -> string", Row<Left>}});
  add("right", "The last n characters; negative n: all but the first.", "right('weir', 2)", "'ir'",
      {{"(string, integer) -> string", Row<Right>}});
  add("replace", "Every occurrence of the second string becomes the third.", "replace('a-b-c', '-', '+')", "'a+b+c'",
      {{"(string, string, string) -> string", Row<Replace>}});
  add("translate", "Characters of the second string become those at the same place of the third, or go.",
      "translate('12.5', '.', ',')", "'12,5'", {{"(string, string, string) -> string", Row<Translate>}});
  add("split_part",
      "The n-th part between separators (the first is 1, negative counts from the end), or an empty string.",
      "split_part('a/b/c', '/', 2)", "'b'", {{"(string, string, integer) -> string", Row<SplitPart>}});
  add("starts_with", "Whether the string begins with the other.", "starts_with('weir', 'we')", "true",
      {{"(string, string) -> boolean", Row<StartsWith>}});
  add("ends_with", "Whether the string ends with the other.", "ends_with('weir', 'ir')", "true",
      {{"(string, string) -> boolean", Row<EndsWith>}});
  for (const char* name : {"strpos", "position"}) {
    add(name, "Place of the first occurrence of the second string (the first character is 1), or 0.",
        name[0] == 's' ? "strpos('weir', 'ir')" : "position('weir', 'ir')", "3",
        {{"(string, string) -> integer", Row<Position>}});
  }
  add("concat", "All values one behind the other, as strings; nulls are skipped.", "concat('a', 1, null)", "'a1'",
      {{"(any...) -> string", Concat, kHandlesNulls, AsStrings}});
  add("concat_ws", "All values but the first, as strings with the first between them; nulls are skipped.",
      "concat_ws('-', 'a', null, 'b')", "'a-b'",
      {{"(string, any...) -> string", ConcatWs, kHandlesNulls | kCanNull, AsStrings}});
  list->push_back(
      {"||",
       "operator",
       "Strings, or lists, one behind the other; null when one is.",
       "'a' || 'b'",
       "'ab'",
       {{"(string, string) -> string", Row<Join2>}, {"(any, any) -> string", Row<Join2>, kNoFlags, AsStrings}}});
  list->push_back({"slice",
                   "list",
                   "Items or characters from a place up to another, counted from 0, negative from the end: x[a:b].",
                   "slice('weir', 1, 3)",
                   "'ei'",
                   {{"(string, integer, integer) -> string", Row<Slice>}}});
  list->push_back({"element_at",
                   "list",
                   "Item or character at a place, from 0, negative from the end: x[n]; null when there is none.",
                   "element_at('weir', -1)",
                   "'r'",
                   {{"(string, integer) -> string", Row<CharacterAt>, kCanNull}}});
  list->push_back({"contains",
                   "string",
                   "Whether the string or list has the other in it.",
                   "contains('weir', 'ei')",
                   "true",
                   {{"(string, string) -> boolean", Row<Contains>}}});
}

}  // namespace weir::expr
