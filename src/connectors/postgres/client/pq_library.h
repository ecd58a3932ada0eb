// The functions of libpq that Weir calls, found when the first pipeline talks to PostgreSQL.
#pragma once

#include <libpq-fe.h>

#include "base/status.h"

namespace weir {

// clang-format off
#define WEIR_PQ_FUNCTIONS(X) \
  X(connectdbParams) X(finish) X(status) X(errorMessage) X(exec) X(execParams) X(resultStatus) X(resultErrorMessage) \
  X(resultErrorField) X(clear) X(ntuples) X(nfields) X(fname) X(ftype) X(fmod) X(getvalue) X(getlength) X(getisnull) \
  X(cmdTuples) X(putCopyData) X(putCopyEnd) X(getCopyData) X(getResult) X(freemem) X(consumeInput) X(flush) X(socket) \
  X(setNoticeProcessor) X(serverVersion) X(getCancel) X(cancel) X(freeCancel)
// clang-format on

struct PqLibrary {
#define WEIR_PQ_MEMBER(name) decltype(&::PQ##name) name = nullptr;
  WEIR_PQ_FUNCTIONS(WEIR_PQ_MEMBER)
#undef WEIR_PQ_MEMBER

  /// Opens the library once for the whole process ($WEIR_PQ, or as OpenSharedLibrary finds it). Errors: IOError that
  /// says where it was looked for. Thread-safe.
  static Result<const PqLibrary*> Get();
};

}  // namespace weir
