// Patterns: like, ilike and regular expressions (RE2: linear time, no back-references). A constant pattern is compiled
// at plan time, and a mistake in it is a plan error.
#include <re2/re2.h>

#include <algorithm>

#include "expr/functions/kernels.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

// A like pattern: % stands for any characters, _ for one, a backslash takes the next character as it is.
class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern) {
    pieces_.emplace_back();
    for (size_t i = 0; i < pattern.size(); ++i) {
      char c = pattern[i];
      if (c == '%') {
        pieces_.emplace_back();
      } else if (c == '_') {
        pieces_.back().push_back({'_', true});
        plain_ = false;
      } else {
        if (c == '\\' && i + 1 < pattern.size()) c = pattern[++i];
        pieces_.back().push_back({c, false});
      }
    }
    for (const Piece& piece : pieces_) {
      std::string& text = texts_.emplace_back();
      for (const Unit& unit : piece) text += unit.c;
    }
  }

  bool Matches(std::string_view s) const {
    if (!plain_) return MatchesWild(s);
    if (pieces_.size() == 1) return s == texts_[0];
    const std::string& first = texts_.front();
    const std::string& last = texts_.back();
    if (s.size() < first.size() + last.size() || !s.starts_with(first) || !s.ends_with(last)) return false;
    s = s.substr(first.size(), s.size() - first.size() - last.size());
    for (size_t k = 1; k + 1 < texts_.size(); ++k) {
      if (texts_[k].empty()) continue;
      const void* at = memmem(s.data(), s.size(), texts_[k].data(), texts_[k].size());
      if (at == nullptr) return false;
      s.remove_prefix(static_cast<const char*>(at) - s.data() + texts_[k].size());
    }
    return true;
  }

 private:
  struct Unit {
    char c;
    bool wild;
  };
  using Piece = std::vector<Unit>;

  // Bytes of s that `piece` takes at its start, or npos.
  static size_t MatchPiece(const Piece& piece, std::string_view s) {
    size_t at = 0;
    for (const Unit& unit : piece) {
      if (at >= s.size()) return std::string_view::npos;
      if (unit.wild) {
        at = std::min(at + CodePointBytes(s[at]), s.size());
      } else if (s[at++] != unit.c) {
        return std::string_view::npos;
      }
    }
    return at;
  }

  bool MatchesWild(std::string_view s) const {
    size_t at = MatchPiece(pieces_[0], s);
    if (at == std::string_view::npos) return false;
    if (pieces_.size() == 1) return at == s.size();
    s.remove_prefix(at);
    for (size_t k = 1; k < pieces_.size(); ++k) {
      bool last = k + 1 == pieces_.size();
      size_t i = 0;
      for (;; ++i) {  // the leftmost place, but for the last piece one that ends the string
        if (i > s.size()) return false;
        if (i < s.size() && IsContinuation(s[i])) continue;
        at = MatchPiece(pieces_[k], s.substr(i));
        if (at != std::string_view::npos && (!last || i + at == s.size())) break;
      }
      s.remove_prefix(i + at);
    }
    return true;
  }

  std::vector<Piece> pieces_;       // what stands between %
  std::vector<std::string> texts_;  // the same as text
  bool plain_ = true;               // no _
};

struct LikeState final : KernelState {
  explicit LikeState(std::string_view pattern) : like(pattern) {}
  LikePattern like;
};

struct RegexState final : KernelState {
  explicit RegexState(std::string_view pattern) : re(re2::StringPiece(pattern.data(), pattern.size()), Quiet()) {}
  static RE2::Options Quiet() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }
  RE2 re;
};

// An ilike pattern as a regular expression.
std::string RegexOfLike(std::string_view pattern) {
  std::string out = "(?is)^";
  for (size_t i = 0; i < pattern.size();) {
    size_t n = std::min<size_t>(CodePointBytes(pattern[i]), pattern.size() - i);
    std::string_view c = pattern.substr(i, n);
    i += n;
    if (c == "%") {
      out += ".*";
    } else if (c == "_") {
      out += ".";
    } else {
      if (c == "\\" && i < pattern.size()) {
        n = std::min<size_t>(CodePointBytes(pattern[i]), pattern.size() - i);
        c = pattern.substr(i, n);
        i += n;
      }
      out += RE2::QuoteMeta(re2::StringPiece(c.data(), c.size()));
    }
  }
  return out + "$";
}

void Like(Frame& f) {
  auto* out = f.values<uint8_t>();
  internal::Arg<StringRef> s(f.args[0]), pattern(f.args[1]);
  if (f.state != nullptr) {
    const LikePattern& like = f.state_as<LikeState>().like;
    ForRows(f.rows, [&](int i) { out[i] = like.Matches(s[i].view()); });
  } else {
    ForRows(f.rows, [&](int i) { out[i] = LikePattern(pattern[i].view()).Matches(s[i].view()); });
  }
}

// The regular expression of a row: the constant one, or that of the row's pattern, kept while rows repeat it.
class RegexOfRow {
 public:
  RegexOfRow(Frame& f, bool like) : f_(f), like_(like), patterns_(f.args[1]) {}
  const RE2* At(int i) {
    if (f_.state != nullptr) return &f_.state_as<RegexState>().re;
    std::string_view pattern = patterns_[i].view();
    if (last_ == nullptr || pattern != last_pattern_) {
      last_pattern_ = pattern;
      last_ = std::make_unique<RegexState>(like_ ? RegexOfLike(pattern) : last_pattern_);
    }
    if (last_->re.ok()) return &last_->re;
    f_.Fail(i, "'" + last_pattern_ + "' is not a regular expression: " + last_->re.error());
    return nullptr;
  }

 private:
  Frame& f_;
  bool like_;
  internal::Arg<StringRef> patterns_;
  std::string last_pattern_;
  std::unique_ptr<RegexState> last_;
};

re2::StringPiece Piece(StringRef s) { return {s.data, s.size}; }

template <bool kLike>
void RegexMatches(Frame& f) {
  auto* out = f.values<uint8_t>();
  internal::Arg<StringRef> s(f.args[0]);
  RegexOfRow regex(f, kLike);
  ForRows(f.rows, [&](int i) {
    const RE2* re = regex.At(i);
    out[i] = re != nullptr && RE2::PartialMatch(Piece(s[i]), *re);
  });
}

void RegexFull(Frame& f) {
  auto* out = f.values<uint8_t>();
  internal::Arg<StringRef> s(f.args[0]);
  RegexOfRow regex(f, false);
  ForRows(f.rows, [&](int i) {
    const RE2* re = regex.At(i);
    out[i] = re != nullptr && RE2::FullMatch(Piece(s[i]), *re);
  });
}

void RegexExtract(Frame& f) {
  auto* out = f.values<StringRef>();
  internal::Arg<StringRef> s(f.args[0]);
  RegexOfRow regex(f, false);
  std::vector<re2::StringPiece> groups;
  ForRows(f.rows, [&](int i) {
    out[i] = {"", 0};
    const RE2* re = regex.At(i);
    if (re == nullptr) return;
    int64_t group = f.num_args < 3 ? 0 : f.args[2].data<int64_t>()[f.args[2].constant ? 0 : i];
    if (group < 0 || group > re->NumberOfCapturingGroups()) {
      return f.Fail(i, "the regular expression has no group " + std::to_string(group));
    }
    groups.assign(group + 1, re2::StringPiece());
    bool found = re->Match(Piece(s[i]), 0, s[i].size, RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()));
    if (!found || groups[group].data() == nullptr) return f.SetNull(i);
    out[i] = {groups[group].data(), groups[group].size()};
  });
}

void RegexReplace(Frame& f) {
  auto* out = f.values<StringRef>();
  internal::Arg<StringRef> s(f.args[0]), to(f.args[2]);
  RegexOfRow regex(f, false);
  std::string changed;
  ForRows(f.rows, [&](int i) {
    out[i] = {"", 0};
    const RE2* re = regex.At(i);
    if (re == nullptr) return;
    std::string why;
    if (!re->CheckRewriteString(Piece(to[i]), &why)) return f.Fail(i, "regexp_replace(): " + why);
    changed.assign(s[i].data, s[i].size);
    out[i] = RE2::GlobalReplace(&changed, *re, Piece(to[i])) > 0 ? f.Copy(changed) : s[i];
  });
}

std::string BindLike(CallBinding& call) {
  if (const std::string* pattern = call.ConstantText(1)) {
    call.state = std::make_shared<LikeState>(*pattern);
    call.state_key = *pattern;
  }
  return "";
}

std::string BindPattern(CallBinding& call, bool like) {
  const std::string* pattern = call.ConstantText(1);
  if (pattern == nullptr) {
    call.flags |= kCanFail;
    return "";
  }
  auto state = std::make_shared<RegexState>(like ? RegexOfLike(*pattern) : *pattern);
  if (!state->re.ok()) return "'" + *pattern + "' is not a regular expression: " + state->re.error();
  call.state = std::move(state);
  call.state_key = *pattern;
  return "";
}
std::string BindRegex(CallBinding& call) { return BindPattern(call, false); }
std::string BindIlike(CallBinding& call) { return BindPattern(call, true); }

}  // namespace

void AddPatterns(FunctionList* list) {
  list->push_back({"like",
                   "operator",
                   "Whether the whole string fits a pattern: % any characters, _ one, \\ takes the next as it is.",
                   "'weir' like 'w%r'",
                   "true",
                   {{"(string, string) -> boolean", Like, kNoFlags, BindLike}}});
  list->push_back({"ilike",
                   "operator",
                   "like without regard to case.",
                   "'WEIR' ilike 'w%r'",
                   "true",
                   {{"(string, string) -> boolean", RegexMatches<true>, kNoFlags, BindIlike}}});
  auto matches = [&](const char* name, const char* example) {
    list->push_back({name,
                     "regex",
                     "Whether a regular expression (RE2) matches somewhere in the string.",
                     example,
                     "true",
                     {{"(string, string) -> boolean", RegexMatches<false>, kNoFlags, BindRegex}}});
  };
  matches("regexp_matches", "regexp_matches('a1', '[0-9]')");
  matches("regexp_match", "regexp_match('a1', '[0-9]')");
  matches("regexp_like", "regexp_like('a1', '[0-9]')");
  list->push_back({"regexp_full_match",
                   "regex",
                   "Whether a regular expression matches the whole string.",
                   "regexp_full_match('a1', '[a-z]')",
                   "false",
                   {{"(string, string) -> boolean", RegexFull, kNoFlags, BindRegex}}});
  list->push_back({"regexp_extract",
                   "regex",
                   "What the first match, or a group of it, stands for; null when nothing matches.",
                   "regexp_extract('id=42;', 'id=([0-9]+)', 1)",
                   "'42'",
                   {{"(string, string [, integer]) -> string", RegexExtract, kCanNull | kCanFail, BindRegex}}});
  list->push_back({"regexp_replace",
                   "regex",
                   "Every match becomes the third string, in which \\\\1 … \\\\9 are the groups.",
                   "regexp_replace('2024-05', '([0-9]+)-([0-9]+)', '\\\\2/\\\\1')",
                   "'05/2024'",
                   {{"(string, string, string) -> string", RegexReplace, kCanFail, BindRegex}}});
}

}  // namespace weir::expr
