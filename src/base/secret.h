// Secret<T>: a value that prints as *** wherever it gets by accident.
#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace weir {

template <class T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}
  /// The value itself: only where it is handed to the system that asks for it.
  const T& Reveal() const { return value_; }
  std::string ToString() const { return "***"; }

 private:
  T value_{};
};

template <class T>
std::ostream& operator<<(std::ostream& out, const Secret<T>&) {
  return out << "***";
}

}  // namespace weir
