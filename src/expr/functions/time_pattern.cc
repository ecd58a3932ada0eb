// Times by strftime and strptime patterns: see time_text.h.
#include <array>
#include <cstdio>

#include "expr/functions/time_scan.h"
#include "expr/functions/time_text.h"

namespace weir::expr {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                       "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::string_view kPatterns = "YmdHMSfjyaAbBepIuwVGFTszZ%";

bool SameLetters(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 32) != (b[i] | 32)) return false;
  }
  return true;
}

// Index of the name in `names` (full, or its first three letters) at `*at`, or -1.
template <size_t N>
int NameAt(std::string_view s, size_t* at, const std::array<std::string_view, N>& names) {
  for (size_t i = 0; i < N; ++i) {
    for (size_t length : {names[i].size(), size_t{3}}) {
      if (SameLetters(s.substr(*at, length), names[i].substr(0, length))) {
        *at += length;
        return static_cast<int>(i);
      }
    }
  }
  return -1;
}

// One time, its parts written one by one.
class PatternWriter {
 public:
  PatternWriter(int64_t micros, std::string* out)
      : micros_(micros),
        days_(FloorDiv(micros, kMicrosPerDay)),
        second_(FloorMod(micros, kMicrosPerDay) / kMicrosPerSecond),
        civil_(CivilFromDays(days_)),
        out_(*out) {}

  void Write(char c) {
    if (!WriteDate(c) && !WriteClock(c)) out_ += '%';
  }

 private:
  bool Number(int width, int64_t value) {
    char text[24];
    out_.append(text, std::snprintf(text, sizeof text, "%0*lld", width, static_cast<long long>(value)));
    return true;
  }
  bool Text(std::string_view text) {
    out_.append(text);
    return true;
  }

  bool WriteDate(char c) {
    int64_t iso_year;
    switch (c) {
      case 'Y':
        return Number(4, civil_.year);
      case 'm':
        return Number(2, civil_.month);
      case 'd':
        return Number(2, civil_.day);
      case 'e':
        return civil_.day < 10 ? Text(" ") && Number(1, civil_.day) : Number(2, civil_.day);
      case 'j':
        return Number(3, days_ - DaysFromCivil(civil_.year, 1, 1) + 1);
      case 'y':
        return Number(2, FloorMod(civil_.year, 100));
      case 'a':
        return Text(kWeekdays[IsoWeekday(days_) - 1].substr(0, 3));
      case 'A':
        return Text(kWeekdays[IsoWeekday(days_) - 1]);
      case 'b':
        return Text(kMonths[civil_.month - 1].substr(0, 3));
      case 'B':
        return Text(kMonths[civil_.month - 1]);
      case 'u':
        return Number(1, IsoWeekday(days_));
      case 'w':
        return Number(1, IsoWeekday(days_) % 7);
      case 'V':
        return Number(2, IsoWeek(days_, nullptr));
      case 'G':
        IsoWeek(days_, &iso_year);
        return Number(4, iso_year);
      case 'F':
        return Text(FormatDate(days_));
      default:
        return false;
    }
  }

  bool WriteClock(char c) {
    switch (c) {
      case 'H':
        return Number(2, second_ / 3600);
      case 'I':
        return Number(2, (second_ / 3600 + 11) % 12 + 1);
      case 'M':
        return Number(2, second_ / 60 % 60);
      case 'S':
        return Number(2, second_ % 60);
      case 'f':
        return Number(6, FloorMod(micros_, kMicrosPerSecond));
      case 'p':
        return Text(second_ < 43200 ? "AM" : "PM");
      case 'T':
        return Number(2, second_ / 3600) && Text(":") && Number(2, second_ / 60 % 60) && Text(":") &&
               Number(2, second_ % 60);
      case 's':
        return Number(1, FloorDiv(micros_, kMicrosPerSecond));
      case 'z':
        return Text("+0000");
      case 'Z':
        return Text("UTC");
      default:
        return false;
    }
  }

  const int64_t micros_, days_, second_;
  const Civil civil_;
  std::string& out_;
};

// One text, read part by part; what no part says is that of 1970-01-01T00:00:00Z.
class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : s_(text) {}

  bool Read(std::string_view pattern) {
    for (size_t i = 0; i < pattern.size(); ++i) {
      bool escape = pattern[i] == '%' && i + 1 < pattern.size();
      if (pattern[i] == ' ') {  // any amount of space, as strptime
        SkipSpace();
      } else if (escape && pattern[i + 1] == 'F') {
        if (!Read("%Y-%m-%d")) return false;
        ++i;
      } else if (escape && pattern[i + 1] == 'T') {
        if (!Read("%H:%M:%S")) return false;
        ++i;
      } else if (escape) {
        if (!ReadDate(pattern[i + 1]) && !ReadClock(pattern[i + 1])) return false;
        ++i;
      } else if (!Take(s_, &at_, pattern[i])) {
        return false;
      }
    }
    return true;
  }

  bool Finish(int64_t* micros) {
    if (at_ != s_.size()) return false;
    if (has_epoch_) return Combine(0, epoch_, fraction_, micros);
    if (half_day_) hour_ = hour_ % 12 + (pm_ ? 12 : 0);
    if (month_ < 1 || month_ > 12 || day_ < 1 || day_ > DaysInMonth(year_, static_cast<int>(month_))) return false;
    int64_t days = DaysFromCivil(year_, static_cast<int>(month_), static_cast<int>(day_));
    if (day_of_year_ > 365 + IsLeapYear(year_)) return false;
    if (day_of_year_ > 0) days = DaysFromCivil(year_, 1, 1) + day_of_year_ - 1;
    return Combine(days, hour_ * 3600 + minute_ * 60 + second_ - zone_, fraction_, micros);
  }

 private:
  void SkipSpace() {
    while (at_ < s_.size() && s_[at_] == ' ') ++at_;
  }

  bool ReadDate(char c) {
    int name;
    switch (c) {
      case 'Y':
        return Digits(s_, &at_, 1, 4, &year_);
      case 'm':
        return Digits(s_, &at_, 1, 2, &month_);
      case 'e':
        SkipSpace();
        return Digits(s_, &at_, 1, 2, &day_);
      case 'd':
        return Digits(s_, &at_, 1, 2, &day_);
      case 'j':
        return Digits(s_, &at_, 1, 3, &day_of_year_) && day_of_year_ >= 1;
      case 'y':
        if (!Digits(s_, &at_, 2, 2, &year_)) return false;
        year_ += year_ < 69 ? 2000 : 1900;
        return true;
      case 'b':
      case 'B':
        name = NameAt(s_, &at_, kMonths);
        month_ = name + 1;
        return name >= 0;
      case 'a':
      case 'A':
        return NameAt(s_, &at_, kWeekdays) >= 0;
      default:
        return false;
    }
  }

  bool ReadClock(char c) {
    bool negative;
    switch (c) {
      case 'H':
        return Digits(s_, &at_, 1, 2, &hour_) && hour_ < 24;
      case 'I':
        half_day_ = true;
        return Digits(s_, &at_, 1, 2, &hour_) && hour_ >= 1 && hour_ <= 12;
      case 'M':
        return Digits(s_, &at_, 1, 2, &minute_) && minute_ < 60;
      case 'S':
        return Digits(s_, &at_, 1, 2, &second_) && second_ <= 60;
      case 'f':
        return Fraction(s_, &at_, &fraction_);
      case 'p':
        pm_ = SameLetters(s_.substr(at_, 2), "pm");
        if (!pm_ && !SameLetters(s_.substr(at_, 2), "am")) return false;
        at_ += 2;
        return true;
      case 's':
        negative = Take(s_, &at_, '-');
        has_epoch_ = Digits(s_, &at_, 1, 12, &epoch_);
        if (negative) epoch_ = -epoch_;
        return has_epoch_;
      case 'z':
        return Zone(s_, &at_, &zone_);
      case 'Z':
        if (s_.substr(at_, 3) != "UTC" && s_.substr(at_, 3) != "GMT") return false;
        at_ += 3;
        return true;
      case '%':
        return Take(s_, &at_, '%');
      default:
        return false;
    }
  }

  const std::string_view s_;
  size_t at_ = 0;
  int64_t year_ = 1970, month_ = 1, day_ = 1, hour_ = 0, minute_ = 0, second_ = 0, fraction_ = 0, zone_ = 0;
  int64_t day_of_year_ = 0, epoch_ = 0;
  bool has_epoch_ = false, pm_ = false, half_day_ = false;
};

}  // namespace

bool IsTimePattern(std::string_view pattern, std::string* bad) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    ++i;
    if (i == pattern.size() || kPatterns.find(pattern[i]) == std::string_view::npos) {
      *bad = i == pattern.size() ? "%" : "%" + std::string(1, pattern[i]);
      return false;
    }
  }
  return true;
}

bool FormatTime(std::string_view pattern, int64_t micros, std::string* out, std::string* bad) {
  if (!IsTimePattern(pattern, bad)) return false;
  PatternWriter writer(micros, out);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%') {
      writer.Write(pattern[++i]);
    } else {
      *out += pattern[i];
    }
  }
  return true;
}

bool ParseTime(std::string_view pattern, std::string_view text, int64_t* micros) {
  PatternReader reader(text);
  return reader.Read(pattern) && reader.Finish(micros);
}

}  // namespace weir::expr
