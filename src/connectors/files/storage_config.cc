// From settings of a step to those of a bucket.
#include "connectors/files/storage_config.h"

#include "connectors/files/file_paths.h"
#include "connectors/s3/s3_store.h"
#include "env/objects/object_store.h"

namespace weir {

const FieldSet<StorageConfig>& StorageConfig::Fields() {
  static const auto fields =
      FieldSet<StorageConfig>()
          .Field("endpoint", &StorageConfig::endpoint,
                 FieldDoc("With a path s3://…: the URL of the store. By default AWS_ENDPOINT_URL, or AWS itself.")
                     .Example("http://127.0.0.1:9000")
                     .Advanced())
          .Field(
              "region", &StorageConfig::region,
              FieldDoc("With a path s3://…: the region of the bucket. By default AWS_REGION, that of the profile, or "
                       "us-east-1; AWS says where a bucket is.")
                  .Example("eu-central-1")
                  .Advanced())
          .Field("access_key_id", &StorageConfig::access_key_id,
                 FieldDoc("With a path s3://…: who asks. By default the environment, a profile, or the role of the "
                          "container or instance says it, as for all tools of AWS.")
                     .Example("AKIAIOSFODNN7EXAMPLE")
                     .Advanced())
          .Field("secret_access_key", &StorageConfig::secret_access_key,
                 FieldDoc("The secret that belongs to `access_key_id`.").Example("${STORE_SECRET}").Advanced())
          .Field("anonymous", &StorageConfig::anonymous,
                 FieldDoc("With a path s3://…: do not sign requests; for public buckets.").Default("false").Advanced());
  return fields;
}

bool ApplyStorage(const StorageConfig& config, const std::string& path, BindContext& context) {
  const S3Settings settings{.endpoint = config.endpoint,
                            .region = config.region,
                            .access_key_id = config.access_key_id,
                            .secret_access_key = config.secret_access_key,
                            .anonymous = config.anonymous};
  if (settings == S3Settings{}) return true;
  const char* first = !config.endpoint.empty()        ? "endpoint"
                      : !config.region.empty()        ? "region"
                      : !config.access_key_id.empty() ? "access_key_id"
                      : config.anonymous              ? "anonymous"
                                                      : "secret_access_key";
  if (!ObjectStoreOf(path)) {
    ConfigError(context, first, std::string("'") + first + "' is for paths that begin with s3://");
    return false;
  }
  if (config.access_key_id.empty() != config.secret_access_key.Reveal().empty()) {
    ConfigError(context, first, "'access_key_id' and 'secret_access_key' go together");
    return false;
  }
  const Status status = ConfigureS3(path, settings);
  if (!status.ok()) ConfigError(context, first, status.message());
  return status.ok();
}

}  // namespace weir
