// Finding and opening librdkafka.
#include "connectors/kafka/kafka_library.h"

#include "net/shared_library.h"

namespace weir {
namespace {

Result<KafkaLibrary> Load() {
  const SharedLibraryName name = {"librdkafka, which talks to Kafka", "WEIR_KAFKA", "librdkafka.so.1",
                                  WEIR_KAFKA_LIBRARY};
  WEIR_ASSIGN_OR_RETURN(void* handle, OpenSharedLibrary(name));
  KafkaLibrary library;
  void* symbol = nullptr;
#define WEIR_KAFKA_LOAD(function)                                                 \
  WEIR_ASSIGN_OR_RETURN(symbol, FindSymbol(handle, name, "rd_kafka_" #function)); \
  library.function = reinterpret_cast<decltype(library.function)>(symbol);
  WEIR_KAFKA_FUNCTIONS(WEIR_KAFKA_LOAD)
#undef WEIR_KAFKA_LOAD
  WEIR_ASSIGN_OR_RETURN(symbol, FindSymbol(handle, name, "rd_kafka_new"));
  library.make = reinterpret_cast<decltype(library.make)>(symbol);
  return library;
}

}  // namespace

Result<const KafkaLibrary*> KafkaLibrary::Get() {
  static const Result<KafkaLibrary> library = Load();
  if (!library.ok()) return library.status();
  return &*library;
}

}  // namespace weir
