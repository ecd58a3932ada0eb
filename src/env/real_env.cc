// The real world: clocks, randomness and streams of the operating system.
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "base/check.h"
#include "env/env.h"
#include "env/file_descriptor.h"

namespace weir {
namespace {

class RealEnv final : public Env {
 public:
  FileSystem& files() override { return RealFileSystem(); }

  EventTime WallTime() override {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }

  int64_t SteadyTimeNs() override {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }

  uint64_t RandomSeed() override {
    uint64_t seed = 0;
    WEIR_CHECK(::getrandom(&seed, sizeof seed, 0) == sizeof seed, "the kernel gave no random bytes");
    return seed;
  }

  std::optional<std::string> Variable(const std::string& name) override {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  }

  std::shared_ptr<arrow::io::InputStream> StandardInput() override {
    return std::make_shared<DescriptorInput>(STDIN_FILENO, "standard input", /*owned=*/false);
  }

  std::shared_ptr<arrow::io::OutputStream> StandardOutput() override {
    return std::make_shared<DescriptorOutput>(STDOUT_FILENO, "standard output", /*owned=*/false);
  }
};

}  // namespace

Env& Env::Real() {
  static RealEnv env;
  return env;
}

void SetThreadName(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace weir
