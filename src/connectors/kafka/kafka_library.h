// The functions of librdkafka that Weir calls, found when the first step talks to Kafka.
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/status.h"

namespace weir {

// clang-format off
#define WEIR_KAFKA_FUNCTIONS(X) \
  X(err2str) X(err2name) X(last_error) X(destroy) X(destroy_flags) X(outq_len) X(poll) X(flush) X(purge) \
  X(conf_new) X(conf_destroy) X(conf_set) X(conf_set_events) X(conf_set_log_cb) X(conf_set_dr_msg_cb) X(conf_set_opaque) X(opaque) \
  X(error_code) X(error_string) X(error_destroy) X(error_is_fatal) X(error_is_retriable) X(error_txn_requires_abort) \
  X(fatal_error) X(metadata) X(metadata_destroy) X(topic_new) X(topic_destroy) X(topic_name) \
  X(topic_partition_list_new) X(topic_partition_list_destroy) X(topic_partition_list_add) \
  X(query_watermark_offsets) X(offsets_for_times) X(committed) X(commit) X(poll_set_consumer) X(subscribe) \
  X(incremental_assign) X(incremental_unassign) X(assignment_lost) X(consumer_close) \
  X(queue_new) X(queue_destroy) X(queue_get_consumer) X(queue_get_partition) X(queue_forward) X(queue_poll) \
  X(queue_cb_event_enable) X(consume_batch_queue) X(message_destroy) X(message_timestamp) X(message_headers) \
  X(message_errstr) X(header_get_all) X(event_type) X(event_error) X(event_error_string) X(event_error_is_fatal) \
  X(event_destroy) X(event_topic_partition_list) X(event_stats) \
  X(produceva) X(headers_new) X(header_add) X(headers_destroy) \
  X(init_transactions) X(begin_transaction) X(send_offsets_to_transaction) X(commit_transaction) X(abort_transaction) \
  X(consumer_group_metadata_new) X(consumer_group_metadata_destroy)
// clang-format on

struct KafkaLibrary {
#define WEIR_KAFKA_MEMBER(name) decltype(&::rd_kafka_##name) name = nullptr;
  WEIR_KAFKA_FUNCTIONS(WEIR_KAFKA_MEMBER)
#undef WEIR_KAFKA_MEMBER
  decltype(&::rd_kafka_new) make = nullptr;  // rd_kafka_new; that word is taken

  /// Opens the library once for the whole process ($WEIR_KAFKA names another; net/shared_library.h). Thread-safe.
  static Result<const KafkaLibrary*> Get();
};

}  // namespace weir
