// Env: the one seam to the world. Clock, randomness, files, standard streams and environment variables are reached
// through an Env, so that a run can also happen in a simulated world and be replayed from a seed.
//
// Threads: every method may be called from any thread. An Env outlives everything that was opened through it.
#pragma once

#include <arrow/io/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/event_time.h"
#include "base/status.h"
#include "env/file_system.h"

namespace weir {

class Env {
 public:
  virtual ~Env() = default;

  /// The operating system's clock, files and streams. Lives as long as the process.
  static Env& Real();

  virtual FileSystem& files() = 0;

  /// Time of day, in µs since 1970 UTC. May jump.
  virtual EventTime WallTime() = 0;
  /// Never goes back; of use only in differences.
  virtual int64_t SteadyTimeNs() = 0;
  /// 64 bits that no other call returns. What is random in a run is derived from such a seed, which is then recorded.
  virtual uint64_t RandomSeed() = 0;

  /// A variable of the environment; nullopt when it is not set.
  virtual std::optional<std::string> Variable(const std::string& name) = 0;

  /// Standard input and output as byte streams. Closing them leaves the descriptors open.
  virtual std::shared_ptr<arrow::io::InputStream> StandardInput() = 0;
  virtual std::shared_ptr<arrow::io::OutputStream> StandardOutput() = 0;
};

/// Names the calling thread for debuggers and profilers; the system keeps the first 15 bytes.
void SetThreadName(const std::string& name);

}  // namespace weir
