// Triggers as they are written in a pipeline file.
#include "time/trigger.h"

namespace weir {
namespace {

std::string Delay(int64_t us) {
  return us % 1'000'000 == 0 ? std::to_string(us / 1'000'000) + "s" : std::to_string(us / 1'000) + "ms";
}

std::string Firing(const TriggerSpec& spec) {
  return spec.kind == TriggerSpec::Kind::kAfterCount ? "{count: " + std::to_string(spec.count) + "}"
                                                     : "{every: " + Delay(spec.delay_us) + "}";
}

std::string List(const char* key, const std::vector<TriggerSpec>& parts) {
  std::string out;
  for (const TriggerSpec& part : parts) out += (out.empty() ? "" : ", ") + part.ToString();
  return std::string("{") + key + ": [" + out + "]}";
}

}  // namespace

std::string TriggerSpec::ToString() const {
  switch (kind) {
    case Kind::kDefault:
      return "default";
    case Kind::kEarlyLate: {
      std::string out = early.empty() ? "" : "early: " + Firing(early[0]);
      if (!late.empty()) out += (out.empty() ? "" : ", ") + std::string("late: ") + Firing(late[0]);
      return "{" + out + "}";
    }
    case Kind::kAfterCount:
      return "{after_count: " + std::to_string(count) + "}";
    case Kind::kProcessingTime:
      return "{processing_time: " + Delay(delay_us) + "}";
    case Kind::kAny:
      return List("any", parts);
    case Kind::kAll:
      return List("all", parts);
    case Kind::kEach:
      return List("each", parts);
    case Kind::kRepeat:
      return "{repeat: " + parts[0].ToString() + "}";
  }
  return "";
}

}  // namespace weir
