// The errno travels as the detail of the Status.
#include "env/system_error.h"

#include <cerrno>
#include <cstring>
#include <memory>

namespace weir {
namespace {

constexpr char kTypeId[] = "weir::SystemError";

class Detail final : public arrow::StatusDetail {
 public:
  explicit Detail(int number) : number_(number) {}
  const char* type_id() const override { return kTypeId; }
  std::string ToString() const override { return "errno " + std::to_string(number_); }
  int number() const { return number_; }

 private:
  const int number_;
};

}  // namespace

Status SystemError(int error_number, const char* action, const std::string& path) {
  return Status::FromDetailAndArgs(arrow::StatusCode::IOError, std::make_shared<Detail>(error_number), "cannot ",
                                   action, " '", path, "': ", std::strerror(error_number));
}

int SystemErrorNumber(const Status& status) {
  if (!status.detail() || std::strcmp(status.detail()->type_id(), kTypeId) != 0) return 0;
  return static_cast<const Detail&>(*status.detail()).number();
}

bool IsDiskFull(const Status& status) {
  const int number = SystemErrorNumber(status);
  return number == ENOSPC || number == EDQUOT;
}

}  // namespace weir
