// Logs of every version that there has been are read for ever: fixtures/vN and, as text, what is in them.
#include "crash/workload.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr uint64_t kSeed = 1;  // of the epochs in the fixtures
constexpr int kFixtureEpochs = 40;

}  // namespace

Findings ReadFixtures(const std::string& folder) {
  Findings findings;
  FileSystem& files = Env::Real().files();
  auto check = [&](const std::string& version) -> Status {
    const std::string path = JoinPath(folder, version);
    WEIR_ASSIGN_OR_RETURN(const std::string expected, ReadFile(files, path + ".txt"));
    WEIR_ASSIGN_OR_RETURN(const auto state, ReadEpochState(files, path));
    return TextOf(state) == expected ? Status::OK() : Status::Invalid("'", path, "' is read as something else");
  };
  for (const char* version : {"v1"}) {
    findings.Case();
    const Status status = check(version);
    if (!status.ok()) findings.Wrong(status.message());
  }
  return findings;
}

Status WriteFixtures(const std::string& folder) {
  FileSystem& files = Env::Real().files();
  const std::string path = JoinPath(folder, "v1");
  const Epochs epochs(kSeed, kFixtureEpochs);
  WEIR_ASSIGN_OR_RETURN(auto store, LogEpochStore::Open(files, path, SmallOptions({})));
  for (int64_t epoch = 1; epoch <= epochs.count(); ++epoch) WEIR_RETURN_NOT_OK(store->Commit(epochs.record(epoch)));
  WEIR_ASSIGN_OR_RETURN(auto text, files.Create(path + ".txt"));
  const std::string& after = epochs.after(epochs.count());
  WEIR_RETURN_NOT_OK(text->Write(after.data(), static_cast<int64_t>(after.size())));
  return text->Close();
}

}  // namespace weir
